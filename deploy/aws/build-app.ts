import { App, BootstraplessSynthesizer, type AppProps, cx_api } from 'aws-cdk-lib'

import { cloudFrontStack } from './cloudfront-stack.ts'
import { documentsStack } from './documents-stack.ts'
import { readDeployment } from './read-deployment.ts'
import { replicaStack } from './replica-stack.ts'

/** What CloudFormation's own schemas object to ends the synthesis, instead of the deployment half way. */
const validated = { [cx_api.VALIDATE_AGAINST_DEFAULT_RULES]: true }

/** The stacks of one deployment. The documents stack comes after the other two, since it uses their outputs. */
export function buildApp(props: AppProps = {}) {
  const app = new App({ analyticsReporting: false, postCliContext: validated, ...props })
  const deployment = readDeployment((name) => app.node.tryGetContext(name))
  const { account, region, replica, made } = deployment
  // Nothing here needs what `cdk bootstrap` makes: templates are all that is deployed.
  const inRegion = (name: string) => ({ env: { account, region: name }, synthesizer: new BootstraplessSynthesizer() })
  return {
    app,
    replica: replicaStack(app, deployment, inRegion(replica.region)),
    cloudFront: cloudFrontStack(app, deployment, inRegion('us-east-1')),
    documents: made && documentsStack(app, { ...deployment, made }, inRegion(region)),
  }
}
