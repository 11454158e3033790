import LongshoreDomain
import Testing

@Suite struct WebhookURLTests {
    static let shown: [(String, String)] = [
        ("https://ci.example.com/hook", "https://ci.example.com/hook"),
        ("https://ci.example.com:8443", "https://ci.example.com:8443"),
        ("http://h/p?token=abc", "http://h/p?token=***"), ("http://h?token=abc&a=b", "http://h?token=***&a=***"),
        ("http://h/p?abc", "http://h/p?***"), ("http://h/p?a=b=c?d&&e", "http://h/p?a=***&&***"),
        ("http://h/p?", "http://h/p?"),
        // Refused when a task is asked for, but nothing is shown of it in any case.
        ("http://user:pass@h/p?x=1#frag", "http://***@h/p?x=***"), ("http://h/a@b?c=d", "http://h/a@b?c=***"),
        ("x?y", "x?***"),
    ]

    @Test(arguments: shown) func `what a query holds is not shown, but its names are`(url: String, text: String) {
        #expect(WebhookURL.redacted(url) == text)
    }
}
