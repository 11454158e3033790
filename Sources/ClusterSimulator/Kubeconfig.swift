/// The text of a kubeconfig file.
///
/// The token is in the user, where it belongs, and in the server's path, because kubectl sends credentials over TLS alone.
enum Kubeconfig {
    static func text(url: String, user: String, token: String) -> String {
        """
        apiVersion: v1
        kind: Config
        clusters:
        - name: simulator
          cluster:
            server: \(url)\(APIServer.tokenPath)\(token)
        users:
        - name: \(user)
          user:
            token: \(token)
        contexts:
        - name: simulator
          context:
            cluster: simulator
            user: \(user)
            namespace: default
        current-context: simulator

        """
    }
}
