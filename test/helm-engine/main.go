// Helm's own engine, warm in one process: what the bench of charts compares with. Standard input has the cases as JSON; each round loads, coalesces,
// renders and sorts all of them and prints a line of JSON with its milliseconds of wall time and of processor time.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/getter"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

type chartCase struct {
	Chart, Release, Namespace string
	Values, Args              []string
}

func main() {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	var cases []chartCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	rounds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	providers := getter.All(cli.New())
	for range rounds {
		start, before, failed := time.Now(), processor(), 0
		for _, one := range cases {
			if err := render(one, providers); err != nil {
				failed++
			}
		}
		wall := time.Since(start)
		fmt.Printf("{\"wall\":%d,\"cpu\":%d,\"failed\":%d}\n", wall.Milliseconds(), (processor() - before).Milliseconds(), failed)
	}
}

func processor() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func render(one chartCase, providers getter.Providers) error {
	chart, err := loader.Load(one.Chart)
	if err != nil {
		return err
	}
	options := values.Options{ValueFiles: one.Values}
	for at := 0; at+1 < len(one.Args); at++ {
		switch one.Args[at] {
		case "--set":
			options.Values = append(options.Values, one.Args[at+1])
		case "--set-string":
			options.StringValues = append(options.StringValues, one.Args[at+1])
		}
	}
	given, err := options.MergeValues(providers)
	if err != nil {
		return err
	}
	if err := chartutil.ProcessDependencies(chart, given); err != nil {
		return err
	}
	release := common.ReleaseOptions{Name: one.Release, Namespace: one.Namespace, Revision: 1, IsInstall: true}
	top, err := util.ToRenderValues(chart, given, release, common.DefaultCapabilities)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, top)
	if err != nil {
		return err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, _, err = releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	return err
}
