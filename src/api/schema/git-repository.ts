import { duration, flag, list, object, oneOf, optional, shortDuration, text } from './node.ts'
import { artifact, commonStatus, has, initialStatus, localReference, suspend } from './shared.ts'

const include = list(
  'Artifacts of other GitRepositories to copy into this one.',
  object('An included artifact.', {
    repository: localReference('GitRepository to include.'),
    fromPath: optional(text('Directory to copy; by default the root.')),
    toPath: optional(text('Where to copy to; by default the name of the repository.')),
  }),
)

/** `spec` of a GitRepository. */
export const gitRepositorySpec = object(
  'Which revision of which repository to fetch.',
  {
    url: text('Address of the repository.', {
      pattern: '^(http|https|ssh)://.*$',
      hint: 'write a URL that starts with https://, http:// or ssh://',
    }),
    secretRef: optional(localReference('Secret with the credentials.')),
    provider: optional(oneOf('How to authenticate; generic uses the Secret.', ['generic', 'aws', 'azure', 'github'])),
    serviceAccountName: optional(text('Service account to authenticate with at a cloud.')),
    interval: duration('How often to look for a new revision.'),
    timeout: optional(shortDuration('Time limit of Git operations.', { default: '60s' })),
    ref: optional(
      object('What to check out; by default the branch master.', {
        branch: optional(text('Branch.')),
        tag: optional(text('Tag; wins over the branch.')),
        semver: optional(text('Range of tags; wins over the branch.')),
        name: optional(text('Full name of a reference, such as refs/pull/420/head; wins over branch, tag and range.')),
        commit: optional(text('Commit; wins over everything.')),
      }),
    ),
    verify: optional(
      object('Signatures that must be there.', {
        mode: optional(
          oneOf('What must be signed: the commit (HEAD), the tag, or both.', ['head', 'HEAD', 'Tag', 'TagAndHEAD'], {
            default: 'HEAD',
          }),
        ),
        secretRef: localReference('Secret with the public keys of trusted authors.'),
      }),
    ),
    proxySecretRef: optional(localReference('Secret with address, username and password of a proxy.')),
    ignore: optional(text('Patterns of .sourceignore, added to the ones in the repository.')),
    suspend: optional(suspend),
    recurseSubmodules: optional(flag('Fetches submodules as well.')),
    include: optional(include),
    sparseCheckout: optional(list('Directories to check out; by default all.', text(''))),
  },
  {
    rules: [
      {
        rule: "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
        message: "serviceAccountName can only be set when provider is 'azure' or 'aws'",
        holds: (self) => !has(self, 'serviceAccountName') || self['provider'] === 'azure' || self['provider'] === 'aws',
      },
    ],
  },
)

/** `status` of a GitRepository. */
export const gitRepositoryStatus = object(
  'What was found and fetched last.',
  {
    ...commonStatus,
    artifact: optional(artifact),
    includedArtifacts: optional(list('Artifacts that were included.', artifact)),
    observedIgnore: optional(text('Patterns that the artifact was made with.')),
    observedRecurseSubmodules: optional(flag('Whether the artifact has submodules.')),
    observedInclude: optional(include),
    observedSparseCheckout: optional(list('Directories that the artifact was made with.', text(''))),
    sourceVerificationFingerprint: optional(text('Key that the revision was signed with.')),
    sourceVerificationMode: optional(text('What was verified.')),
  },
  { default: initialStatus },
)
