extension RuntimeTexts {
    /// What kubelets, registries, the Docker Engine and admission say.
    static let others = parse(
        #"""
        RateLimited ¦ retry ¦ zalando-incubator/kubernetes-on-aws#8045 (the kubelet's own limit) ¦ pull QPS exceeded
        RateLimited ¦ retry ¦ redhat-appstudio/infra-deployments#7796 (as the kubelet logs it) ¦ failed to "StartContainer" for "prepare" with ErrImagePull: "pull QPS exceeded"
        RateLimited ¦ retry ¦ pkg/kubelet/images/image_manager.go (1.30, back-off) ¦ Back-off pulling image "a.b.c/image:0.1": ErrImagePull: pull QPS exceeded
        RateLimited ¦ retry ¦ alexklibisz/terraform-provider-terrifi#50 (GHCR) ¦ toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute
        RateLimited ¦ retry ¦ play-with-docker/play-with-docker#422 ¦ error pulling image configuration: toomanyrequests: Too Many Requests. Please see https://docs.docker.com/docker-hub/download-rate-limit/
        RateLimited ¦ retry ¦ cloudwego/biz-demo#45 ¦ Error response from daemon: toomanyrequests: remaining traffic quota is not enough to download this layer for current month
        RateLimited ¦ retry ¦ ketches/registry-proxy#5 ¦ Error response from daemon: toomanyrequests: <!DOCTYPE html> <html class="no-js" lang="en-US"> <head> <title>This website has been temporarily rate limited | docker.example.cn | Cloudflare</title>
        Unauthorized ¦ final ¦ aws/amazon-vpc-cni-k8s#1117 (ECR) ¦ Error response from daemon: Get https://1.dkr.ecr.us-west-2.amazonaws.com/v2/amazon-k8s-cni/manifests/v1.6.3: no basic auth credentials
        Unauthorized ¦ final ¦ awslabs/amazon-ecr-credential-helper#286 (ECR) ¦ pull access denied for public.ecr.aws/b/g, repository does not exist or may require 'docker login': denied: Your authorization token has expired. Reauthenticate and try again.
        Unauthorized ¦ final ¦ convox/rack#678 (ECR) ¦ Status 403 trying to pull repository c: "Your Authorization Token has expired. Please run 'aws ecr get-login' to fetch a new one."
        Unauthorized ¦ final ¦ docker/for-mac#3381 (Nexus) ¦ rpc error: code = Unknown desc = Error response from daemon: Get https://nexus3.example.org:10004/v2/a/manifests/2: no basic auth credentials
        Unauthorized ¦ final ¦ GoogleCloudPlatform/berglas#128 (GAR) ¦ rpc error: code = Unknown desc = Error response from daemon: Get https://us-docker.pkg.dev/v2/b/b/b/manifests/latest: denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/b/locations/us/repositories/b" (or it may not exist)
        Unauthorized ¦ final ¦ google/fuzzbench#1981 (GAR) ¦ Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "projects/f/locations/us/repositories/gcr.io"
        Unauthorized ¦ final ¦ helm/helm#12189 (ACR) ¦ rpc error: code = Unknown desc = Error response from daemon: Head "https://r.azurecr.io/v2/a/manifests/v2": unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.
        Unauthorized ¦ final ¦ Azure/acs-engine#2454 (ACR) ¦ error pulling image configuration: unauthorized: Requested repository does not match bearer token resource: hyperkube-amd64.
        Unauthorized ¦ final ¦ youtous/docker-mailserver-traefik#5 (GitLab) ¦ Head "https://registry.gitlab.com/v2/y/m/manifests/latest": denied: access forbidden
        Unauthorized ¦ final ¦ alexjustesen/speedtest-tracker#566 (GHCR) ¦ Error response from daemon: Head "https://ghcr.io/v2/a/s/manifests/latest": denied: denied
        Unauthorized ¦ final ¦ containerd/cri#668 (Docker Hub) ¦ rpc error: code = Unknown desc = Error response from daemon: Get https://registry-1.docker.io/v2/library/nginx/manifests/latest: unauthorized: incorrect username or password
        Unauthorized ¦ final ¦ kubernetes/minikube#20613 ¦ Error response from daemon: pull access denied for s, repository does not exist or may require 'docker login': denied: requested access to the resource is denied
        Unauthorized ¦ final ¦ kubernetes/registry.k8s.io#277 (HTML in quotes) ¦ Error response from daemon: error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "\n<html><head>\n<meta http-equiv=\"content-type\" content=\"text/html;charset=utf-8\">\n<title>403 Forbidden</title>\n</head>"
        Unauthorized ¦ final ¦ enix/kube-image-keeper#172 (ECR) ¦ GET https://1.dkr.ecr.ap-northeast-2.amazonaws.com/v2/R/manifests/l: unexpected status code 401 Unauthorized: Not Authorized
        NotFound ¦ final ¦ aws-samples/amazon-eks-cdk-blue-green-cicd#24 (ECR) ¦ Error response from daemon: repository public.ecr.aws/p/m not found: name unknown: The repository with name 'm' does not exist in the registry with id 'p'
        NotFound ¦ final ¦ asobti/kube-monkey#157 (Docker Hub) ¦ Error response from daemon: manifest for a/k:latest not found
        NotFound ¦ final ¦ whitelok/watermark-remover#18 ¦ Error response from daemon: manifest for w/r:latest not found: manifest unknown: manifest unknown
        NotFound ¦ final ¦ goharbor/harbor#17852 (Harbor) ¦ Error response from daemon: unknown: artifact p/i:v3 not found
        NotFound ¦ final ¦ chainguard-dev/malcontent#827 (JSON in the text) ¦ Error response from daemon: unknown: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"Unknown manifest"}]}
        NotFound ¦ final ¦ podman-container-tools/buildah#5023 (Quay) ¦ Error response from daemon: unknown: Tag v1.26.0 was deleted or has expired. To pull, revive via time machine
        PolicyDenied ¦ final ¦ goharbor/harbor#19983 (Harbor) ¦ Error response from daemon: unknown: current image with 4 vulnerabilities cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of "Critical" or higher from running.' To continue with pull, please contact your project administrator to exempt matched vulnerabilities through configuring the CVE allowlist.
        PolicyDenied ¦ final ¦ goharbor/harbor#11206 (Harbor) ¦ fetching manifest with status "412 Precondition Failed": {"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"The image is not signed in Notary."}]}
        PolicyDenied ¦ final ¦ goharbor/harbor#8958 (Harbor 1.8) ¦ failed to extract image: PROJECT_POLICY_VIOLATION: "Cannot get the image severity."
        PolicyDenied ¦ final ¦ werf/werf#6123 (Harbor) ¦ PROJECTPOLICYVIOLATION: current image without vulnerability scanning cannot be pulled due to configured policy
        PolicyDenied ¦ final ¦ goharbor/harbor#13696 (Harbor) ¦ Error response from daemon: unknown: middleware: vulnerable handler: error: 10412(Precondition failed) : no scanner registration configured for project: 34
        PolicyDenied ¦ final ¦ yogeshojha/rengine#224 ¦ error pulling image configuration: denied: Encountered a billing-related error. Please verify the billing status for this account.
        PolicyDenied ¦ final ¦ sobolevn/git-secret#801 (Artifactory) ¦ Artifact download request rejected: a.deb was not downloaded due to the download blocking policy configured in Xray for git-secret-deb. Xray is unavailable.
        PolicyDenied ¦ final ¦ cilium/cilium#22493 (Artifactory) ¦ Error response from daemon: unauthorized: Pulling Docker images with manifest v2 schema 1 to this repository is blocked. For more information visit https://www.jfrog.com/confluence/display/RTF/Advanced+Topics
        PolicyDenied ¦ final ¦ Azure/acr#633 (ACR) ¦ rpc error: code Unknown desc Error response from daemon: Head "https://r.azurecr.io/v2/a/manifests/02b6": denied: client with IP 'x.x.x.x' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.
        PolicyDenied ¦ final ¦ docker/build-push-action#1214 (ACR) ¦ Get "https://r.azurecr.io/v2/": denied: {"errors":[{"code":"DENIED","message":"client with IP '172.214.169.102' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."}]}
        PolicyDenied ¦ final ¦ sigstore/docs#313 (admission) ¦ admission webhook "policy.sigstore.dev" denied the request: validation failed: invalid value: r:5000/b/h:2 must be an image digest: spec.template.spec.containers[0].image
        Architecture ¦ final ¦ docker/for-win#4116 ¦ image operating system "windows" cannot be used on this platform
        Architecture ¦ final ¦ docker/for-win#7132 ¦ image operating system "linux" cannot be used on this platform
        Architecture ¦ final ¦ av/harbor#14 ¦ no matching manifest for linux/arm64/v8 in the manifest list entries
        Architecture ¦ final ¦ docker/for-win#4518 ¦ no matching manifest for windows/amd64 10.0.17134 in the manifest list entries
        Architecture ¦ final ¦ docker/for-win#3787 ¦ no matching manifest for unknown in the manifest list entries
        Architecture ¦ final ¦ moby daemon/containerd/image.go ¦ image with reference docker.io/p/p:16 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64
        Architecture ¦ final ¦ cri-o/cri-o#1347 ¦ exec user process caused "exec format error"
        Architecture ¦ final ¦ kubernetes-sigs/kube-scheduler-simulator#308 ¦ Error response from daemon: application/vnd.docker.distribution.manifest.v1+prettyjws not supported
        Architecture ¦ final ¦ bazelbuild/rules_docker#1253 ¦ unsupported MediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws", see https://github.com/google/go-containerregistry/issues/377
        Architecture ¦ final ¦ phusion/baseimage-docker#545 ¦ unsupported manifest media type and no default available: application/vnd.docker.distribution.manifest.v1+prettyjws
        TLS ¦ final ¦ goharbor/harbor#6383 ¦ Get https://registry.example.intra/v2/: x509: certificate signed by unknown authority
        Network ¦ retry ¦ kubernetes/kubernetes#107340 ¦ rpc error: code = Unknown desc = Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: TLS handshake timeout
        Network ¦ retry ¦ nebari-dev/nebari#755 ¦ rpc error: code = Unknown desc = Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)
        Network ¦ retry ¦ kubernetes/kubernetes#58526 ¦ rpc error: code = 2 desc = net/http: request canceled
        Network ¦ retry ¦ kubernetes/minikube#15626 ¦ rpc error: code = Unknown desc = Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.168.65.2:53: read udp 192.168.49.2:59506->192.168.65.2:53: i/o timeout
        Network ¦ retry ¦ kubernetes/minikube#14806 ¦ rpc error: code = Unknown desc = context deadline exceeded
        Network ¦ retry ¦ docker/cli#2141 ¦ Error response from daemon: received unexpected HTTP status: 503 Service Unavailable
        Network ¦ retry ¦ DaoCloud/public-image-mirror#413 ¦ Error response from daemon: received unexpected HTTP status: 502 Bad Gateway
        Network ¦ retry ¦ pkg/kubelet/images/image_manager.go (RegistryUnavailable) ¦ image pull failed for r.example.com/a:1 because the registry is unavailable.
        Disk ¦ retry ¦ Kaggle/docker-python#19 ¦ failed to register layer: ApplyLayer exit status 1 stdout:  stderr: write /usr/local/src/opencv/build/modules/video/p.gch: no space left on device
        Disk ¦ retry ¦ docker-archive-public/docker.kitematic#3828 ¦ failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x86_64-linux-gnu/libgio-2.0.so.0.4200.1: no space left on device
        InvalidReference ¦ final ¦ FootprintAI/Containarium#1524 (kubelet 1.29 and later) ¦ Failed to apply default image tag "images:ubuntu/24.04": couldn't parse image name "images:ubuntu/24.04": invalid reference format
        InvalidReference ¦ final ¦ jupyterhub/zero-to-jupyterhub-k8s#472 (kubelet before 1.28) ¦ Failed to apply default image tag "None:None": couldn't parse image reference "None:None": invalid reference format: repository name must be lowercase
        """#
    )
}
