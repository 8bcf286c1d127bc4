import { current, inProgress, textAt, type HealthRule } from './health.ts'

/** kstatus, serviceConditions: a load balancer's external address is not waited for. */
export const serviceHealth: HealthRule = (object) => {
  const isLoadBalancer = textAt(object, ['spec', 'type'], 'ClusterIP') === 'LoadBalancer'
  const hasAddress = textAt(object, ['spec', 'clusterIP']) !== ''
  return isLoadBalancer && !hasAddress
    ? inProgress('ClusterIP not set. Service type: LoadBalancer')
    : current('Service is ready')
}
