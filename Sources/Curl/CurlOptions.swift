import CCurl

/// Sets the options of one easy handle.
struct CurlOptions {
    let handle: UnsafeMutableRawPointer

    func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try check(longshore_curl_setopt_long(handle, option, value))
    }

    func set(_ option: CURLoption, offset value: Int) throws(CurlError) {
        try check(longshore_curl_setopt_offset(handle, option, curl_off_t(value)))
    }

    /// Sets a text, which libcurl copies; nil takes libcurl's own default away too.
    func set(_ option: CURLoption, string value: String?) throws(CurlError) {
        try check(longshore_curl_setopt_string(handle, option, value))
    }

    func set(_ option: CURLoption, pointer value: UnsafeRawPointer?) throws(CurlError) {
        try check(longshore_curl_setopt_pointer(handle, option, value))
    }

    func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) throws(CurlError) {
        try check(longshore_curl_setopt_list(handle, option, list))
    }

    /// Sets bytes that stay where they are for as long as the handle lives.
    func set(_ option: CURLoption, blob: UnsafeRawBufferPointer) throws(CurlError) {
        try check(longshore_curl_setopt_blob(handle, option, blob.baseAddress, blob.count, 0))
    }

    private func check(_ result: CURLcode) throws(CurlError) {
        guard result == CURLE_OK else {
            throw CurlError(.invalidRequest, CurlLibrary.text(result), libraryCode: Int(result.rawValue))
        }
    }
}

// MARK: - Groups of options

extension CurlOptions {
    /// Sets what does not depend on the request's content: no signal, redirect, proxy, user information, cookie or
    /// protocol beyond HTTP.
    func setFixed(plan: CurlTransferPlan, configuration: CurlClient.Configuration) throws(CurlError) {
        try set(CURLOPT_NOSIGNAL, 1)
        // A cancelled transfer must not wait for the thread of a name lookup that hangs.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_URL, string: plan.url.text)
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_PROTOCOLS_STR, string: "http,https")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        // Otherwise `http_proxy` in the environment would redirect requests, past the address policy.
        try set(CURLOPT_PROXY, string: "")
        try set(CURLOPT_NOPROXY, string: "*")
        try set(CURLOPT_USERAGENT, string: configuration.userAgent)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_TCP_KEEPIDLE, 30)
        try set(CURLOPT_TCP_KEEPINTVL, 10)
        if plan.isStream { try set(CURLOPT_BUFFERSIZE, 64 << 10) }
        let sharesConnection = configuration.usesHTTP2 && plan.url.isSecure && !plan.isStream
        let version = sharesConnection ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        try set(CURLOPT_HTTP_VERSION, Int(version))
        // Waits for the first connection to tell whether it can be shared, instead of opening one for each request.
        if sharesConnection { try set(CURLOPT_PIPEWAIT, 1) }
    }

    /// Sets certificates and their verification.
    func setSecurity(configuration: CurlClient.Configuration, material: CurlKeyMaterial) throws(CurlError) {
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try set(CURLOPT_SSL_VERIFYPEER, configuration.verifiesPeer ? 1 : 0)
        try set(CURLOPT_SSL_VERIFYHOST, configuration.verifiesPeer ? 2 : 0)
        if let authorities = material.authorities {
            try set(CURLOPT_CAINFO_BLOB, blob: authorities)
            // Debian's libcurl also trusts /etc/ssl/certs as a folder, whatever the bundle says.
            try set(CURLOPT_CAPATH, string: nil)
        } else if let path = configuration.caBundlePath {
            try set(CURLOPT_CAINFO, string: path)
            try set(CURLOPT_CAPATH, string: nil)
        }
        if let certificate = material.certificate {
            try set(CURLOPT_SSLCERTTYPE, string: "PEM")
            try set(CURLOPT_SSLCERT_BLOB, blob: certificate)
        }
        if let key = material.key {
            try set(CURLOPT_SSLKEYTYPE, string: "PEM")
            try set(CURLOPT_SSLKEY_BLOB, blob: key)
        }
    }

    /// Sets the time-outs that libcurl keeps; the loop keeps the idle time-out.
    func setTimes(request: CurlRequest, plan: CurlTransferPlan) throws(CurlError) {
        var connect = max(request.connectTimeout, .milliseconds(1))
        if let total = request.totalTimeout {
            let left = total - plan.elapsed
            guard left > .zero else { throw CurlError(.timeout, "the time for the request has passed") }
            try set(CURLOPT_TIMEOUT_MS, left.wholeMilliseconds)
            connect = min(connect, left)
        }
        try set(CURLOPT_CONNECTTIMEOUT_MS, connect.wholeMilliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, at least 1, at most about 24 days (libcurl counts in 32 bits in places).
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return max(1, Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
