import CCurl

/// The process-wide state of libcurl.
///
/// Thread safety: `curl_global_init` must not run twice at once in older libraries, so it hangs on a lazy `static let`,
/// which the language runs once. Nothing undoes it: the process ends with it.
enum CurlLibrary {
    /// The result of `curl_global_init`; read it before the first call into libcurl.
    static let initialisation: CURLcode = curl_global_init(Int(CURL_GLOBAL_SSL))

    /// libcurl's fixed text for a result code.
    static func text(_ code: CURLcode) -> String {
        guard let text = curl_easy_strerror(code) else { return "unknown libcurl error" }
        return String(cString: text)
    }
}
