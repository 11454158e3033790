extension RuntimeTexts {
    /// What CRI-O and the libraries that it shares with Podman say.
    static let crio = parse(
        #"""
        Unauthorized ¦ final ¦ stolostron/deploy#2 (Quay) ¦ rpc error: code = Unknown desc = Error reading manifest sha256:ba91 in quay.io/o/m: unauthorized: access to the requested resource is not authorized
        Unauthorized ¦ final ¦ kubeedge/kubeedge#5936 (Quay) ¦ rpc error: code = Unknown desc = reading manifest v1.17.3 in quay.io/kubeedge/cloudcore: unauthorized: access to the requested resource is not authorized
        Unauthorized ¦ final ¦ thoth-station/thoth-application#2053 (Docker Hub) ¦ rpc error: code = Unknown desc = Error reading manifest latest in docker.io/library/s: errors: denied: requested access to the resource is denied unauthorized: authentication required
        Unauthorized ¦ final ¦ cri-o/cri-o#2331 ¦ rpc error: code = Unknown desc = Error reading manifest latest in docker.io/crio/busybox: errors:⏎denied: requested access to the resource is denied⏎unauthorized: authentication required
        Unauthorized ¦ final ¦ nf-core/rnaseq#1489 ¦ reading manifest 10c6 in docker.io/nf-core/s: requested access to the resource is denied
        Unauthorized ¦ final ¦ kubernetes-sigs/cri-tools#731 ¦ rpc error: code = Unknown desc = unable to retrieve auth token: invalid username/password: unauthorized: Please login to the Red Hat Registry using your Customer Portal credentials. Further instructions can be found here: https://access.redhat.com/RegistryAuthentication
        Unauthorized ¦ final ¦ TimeEval/TimeEval#56 (GitLab) ¦ initializing source docker://registry.gitlab.example/a/p:1: Requesting bear token: invalid status code from registry 403 (Forbidden)
        Unauthorized ¦ final ¦ mccutchen/go-httpbin#223 (GHCR) ¦ Requesting bearer token: received unexpected HTTP status: 403 Forbidden
        Unauthorized ¦ final ¦ containers/image docker/errors.go (StatusCode) ¦ initializing source docker://r.example.com/a:1: reading manifest 1 in r.example.com/a: StatusCode: 403, "<html>\r\n<head><title>403 Forbidden</title></hea..."
        Unauthorized ¦ final ¦ apptainer/singularity#6228 ¦ error pinging docker registry git.example.de:5000: Get "https://git.example.de:5000/v2/": Forbidden
        Unauthorized ¦ final ¦ Harbor with cri-o 1.32 (unable to pull image or OCI artifact) ¦ unable to pull image or OCI artifact: pull image err: initializing source docker://harbor.example.nl/p/nginx:s: reading manifest s in harbor.example.nl/p/nginx: unauthorized: unauthorized to access repository: p/nginx, action: pull: unauthorized to access repository: p/nginx, action: pull; artifact err: get manifest: build image source: reading manifest s in harbor.example.nl/p/nginx: unauthorized: unauthorized to access repository: p/nginx, action: pull
        NotFound ¦ final ¦ tusc/ntopng-udm#1 ¦ Error reading manifest latest in registry.fedoraproject.org/t/n: manifest unknown: manifest unknown
        NotFound ¦ final ¦ podman-container-tools/podman#9990 ¦ Error initializing source docker://registry.opensuse.org/s/n:latest: Error reading manifest latest in registry.opensuse.org/s/n: name unknown
        NotFound ¦ final ¦ firewalld/firewalld#924 (Quay) ¦ initializing source docker://quay.io/f/f:latest: reading manifest latest in quay.io/f/f: unknown: Tag latest was deleted or has expired. To pull, revive via time machine
        NotFound ¦ final ¦ cri-o 1.33 with the registry of OpenShift ¦ unable to pull image or OCI artifact: pull image err: initializing source docker://image-registry.example.svc:5000/r/n:3.4: reading manifest 3.4 in image-registry.example.svc:5000/r/n: manifest unknown
        RateLimited ¦ retry ¦ red-hat-storage/ocs-ci#4494 ¦ rpc error: code = Unknown desc = Error reading manifest latest in docker.io/o/k: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit
        RateLimited ¦ retry ¦ containers/image docker/errors.go ¦ initializing source docker://r.example.com/a:1: reading manifest 1 in r.example.com/a: too many requests to registry
        PolicyDenied ¦ final ¦ containers/image#1953 ¦ rpc error: code = Unknown desc = copying system image from manifest list: Source image rejected: A signature was required, but no signature exists
        PolicyDenied ¦ final ¦ cri-o/cri-o#8656 and Red Hat's UBI ¦ unable to pull image or OCI artifact: pull image err: copying system image from manifest list: Source image rejected: None of the signatures were accepted, reasons: cryptographic signature verification failed: invalid signature when validating ASN.1 encoded signature
        PolicyDenied ¦ final ¦ containers/image signature/policy_eval.go ¦ Source image rejected: Running image docker://r.example.com/a:1 is rejected by policy.
        PolicyDenied ¦ final ¦ openshift/installer#10073 ¦ rpc error: code = Unknown desc = unable to pull image or OCI artifact: pull image err: initializing source docker://r.example.org/c/r:latest: registry r.example.org/c/r is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d
        PolicyDenied ¦ final ¦ containers/image docker/errors.go with 412 ¦ initializing source docker://harbor.example.com/p/a:1: reading manifest 1 in harbor.example.com/p/a: unknown: The image is not signed in Notary.
        PolicyDenied ¦ final ¦ containers/image docker/errors.go with 402 ¦ Requesting bearer token: invalid status code from registry 402 (Payment Required)
        Architecture ¦ final ¦ cri-o/cri-o#6457 ¦ rpc error: code = Unknown desc = choosing image instance: no image found in manifest list for architecture amd64, variant "", OS linux
        Architecture ¦ final ¦ cri-o/cri-o#8283 ¦ choosing image instance: no image found in manifest list for architecture arm64 ,variant "v8", OS linux
        Architecture ¦ final ¦ cri-o/cri-o#3626 ¦ rpc error: code = Unknown desc = Error choosing image instance: no image found in manifest list for architecture arm, variant v8, OS linux
        Architecture ¦ final ¦ cri-o/cri-o#3233 ¦ rpc error: code = Unknown desc = Image architecture mismatch: image uses "amd64", expecting "arm64"
        Architecture ¦ final ¦ cri-o/cri-o#2905 ¦ rpc error: code = Unknown desc = unsupported docker v2s2 media type: ""
        Architecture ¦ final ¦ cilium/cilium#13429 ¦ Error initializing image from source docker://c/s:1: unsupported docker v2s2 media type: "application/vnd.oci.image.layer.v1.tar+gzip"
        Architecture ¦ final ¦ labring/sealos#2802 (buildah) ¦ manifest schema v1 unsupported
        InvalidReference ¦ final ¦ cri-o internal/storage/image.go, reason ImageInspectError ¦ Failed to inspect image "": rpc error: code = Unknown desc = short name mode is enforcing, but image name redis:7 returns ambiguous list
        InvalidReference ¦ final ¦ kubevirt/kubevirt#871 ¦ Failed to inspect image "kubevirt/virt-controller:v0.3.0": rpc error: code = Unknown desc = no registries configured while trying to pull an unqualified image
        Network ¦ retry ¦ cri-o/cri-o#2723 ¦ rpc error: code = Unknown desc = pinging docker registry returned: Get http://registry-1.docker.io/v2/: dial tcp 34.199.40.84:80: i/o timeout
        Network ¦ retry ¦ kubernetes-sigs/cri-tools#1608 (Nexus) ¦ rpc error: code = Unknown desc = pinging container registry nexus.example.com: Get "https://nexus.example.com/v2/": Internal Server Error
        Network ¦ retry ¦ cri-o/cri-o#3612 ¦ rpc error: code = Unknown desc = error pinging docker registry k8s.gcr.io: Get "https://k8s.gcr.io/v2/": dial tcp: lookup k8s.gcr.io: device or resource busy
        Network ¦ retry ¦ cri-o/cri-o#2331 ¦ rpc error: code = Unknown desc = error pinging docker registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp: lookup http: Temporary failure in name resolution
        Network ¦ retry ¦ cri-o/cri-o#189 ¦ rpc error: code = 4 desc = context deadline exceeded
        Network ¦ retry ¦ openshift/origin#16349 ¦ rpc error: code = 2 desc = Error reading signatures: received unexpected HTTP status: 500 Internal Server Error
        Network ¦ retry ¦ cri-o 1.33 with a mirror's 500 ¦ unable to pull image or OCI artifact: pull image err: initializing source docker://r.example.nl/g/t:2.12.0: reading manifest 2.12.0 in r.example.nl/g/t: received unexpected HTTP status: 500 Internal Server Error
        Network ¦ retry ¦ cri-o 1.33 with Quay's CDN ¦ unable to pull image or OCI artifact: pull image err: copying system image from manifest list: writing blob: storing blob to file "/var/tmp/container_images_storage2488073217/1": happened during read: unexpected EOF
        """#
    )
}
