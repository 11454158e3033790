/// What a token server is asked for.
struct TokenQuestion: Sendable, Hashable {
    /// The token server.
    var realm: RegistryURL
    /// The registry's name at the token server; nil where the challenge has none.
    var service: String?
    /// Such as `repository:a/b:pull`; empty to ask only whether a credential is taken.
    var scopes: [String]
}

/// Decides which challenges of a registry are answered during one call, with what, and when to stop.
///
/// `Bearer` goes before `Basic` whatever their order, as with containerd and Docker. A registry that does not take the first
/// answer and comes with another challenge gets one more; nothing is answered twice.
struct ChallengeSequence: Sendable, Equatable {
    /// How to authenticate the next try.
    enum Answer: Sendable, Hashable {
        /// By the credential's name and password.
        case basic
        /// By a token that is asked for so.
        case token(TokenQuestion)
    }

    /// What follows from an answer 401.
    enum Step: Sendable, Hashable {
        /// Try again with this.
        case answer(Answer)
        /// There is nothing else to show: the registry has refused.
        case refused
        /// Tokens are wanted, but only of token servers that may not be used.
        case unusable
    }

    /// The scope of the call's own repository; nil for calls that have none.
    private let scope: String?
    /// Whether the credential is a name with a password.
    private let hasPassword: Bool
    private var shown: Set<Answer> = []
    private var count = 0

    private static let maximum = 2

    /// - Parameters:
    ///   - scope: The scope of the call's own repository; nil for calls that have none.
    ///   - hasPassword: Whether the credential is a name with a password.
    ///   - showsBasic: Whether the call's first try showed them already.
    init(scope: String?, hasPassword: Bool, showsBasic: Bool) {
        self.scope = scope
        self.hasPassword = hasPassword
        if showsBasic { shown.insert(.basic) }
    }

    /// Says what follows from an answer 401, or from a token server's refusal of the answer before.
    ///
    /// - Parameters:
    ///   - challenges: What came with the 401.
    ///   - isUsable: Whether a token server may be asked.
    /// - Returns: What to do.
    mutating func next(_ challenges: [AuthenticateChallenge], isUsable: (RegistryURL) -> Bool) -> Step {
        guard count < Self.maximum else { return .refused }
        let tokens = challenges.filter { $0.scheme == "bearer" }
        let answers: [Answer]
        if tokens.isEmpty {
            answers = hasPassword && challenges.contains { $0.scheme == "basic" } ? [.basic] : []
        } else {
            let questions = tokens.compactMap { question($0, isUsable: isUsable) }
            if questions.isEmpty { return .unusable }
            answers = questions.prefix(1).map { .token($0) }
        }
        guard let answer = answers.first, shown.insert(answer).inserted else { return .refused }
        count += 1
        return .answer(answer)
    }

    /// The own repository alone at first: who names more gets no more than is needed. A registry that does not take that,
    /// such as a proxy that knows the repository by another name, is asked for what it names as well.
    private func question(_ challenge: AuthenticateChallenge, isUsable: (RegistryURL) -> Bool) -> TokenQuestion? {
        guard let realm = challenge.parameters["realm"].flatMap({ RegistryURL($0) }), isUsable(realm) else {
            return nil
        }
        let service = challenge.parameters["service"].flatMap { $0.isEmpty ? nil : $0 }
        let named = (challenge.parameters["scope"] ?? "").split(separator: " ").map(String.init)
        guard let scope else { return TokenQuestion(realm: realm, service: service, scopes: named) }
        let more = count == 0 ? [] : named.filter { $0 != scope }
        return TokenQuestion(realm: realm, service: service, scopes: [scope] + more)
    }
}
