namespace EstProv.LocalApi.Server;

/// <summary>Why a request was refused before any handler saw it.</summary>
internal enum Refusal
{
    None,
    BadRequestLine,
    BadTarget,
    TargetTooLong,
    UnsupportedVersion,
    BadHeader,
    HeadTooLarge,
    TooManyHeaders,
    BadContentLength,
    TransferEncoding,
    BodyTooLarge,
    BadHost,
    BadExpectation,
    SlowSender,
    TooManyRequests,
    TooManyConnections,
    ApiVersionMissing,
    ApiVersionUnknown,
    ApiVersionNotHere,
    NotFound,
    WrongMethod,
    HandlerDeadline,
    Stopping,
}

/// <summary>One sentence for each <see cref="Refusal"/>.</summary>
internal static class Refusals
{
    public static (int Status, string Code, string Message, string Hint) Describe(Refusal refusal) => refusal switch
    {
        Refusal.BadRequestLine => (400, "bad_request", "the request line is malformed", "send 'METHOD /path?query HTTP/1.1' with CR LF line ends"),
        Refusal.BadTarget => (400, "bad_request", "the request's target is malformed", "send an absolute path with percent-encoded UTF-8"),
        Refusal.TargetTooLong => (414, "target_too_long", "the request's target is too long", "shorten the identifiers"),
        Refusal.UnsupportedVersion => (505, "http_version", "only HTTP/1.1 is spoken here", "send HTTP/1.1"),
        Refusal.BadHeader => (400, "bad_request", "a header is malformed", "send 'Name: value' lines with CR LF line ends, without folding or control characters"),
        Refusal.HeadTooLarge => (431, "head_too_large", "the request's headers are too large", "send fewer headers"),
        Refusal.TooManyHeaders => (431, "head_too_large", "the request has too many headers", "send fewer headers"),
        Refusal.BadContentLength => (400, "bad_request", "Content-Length is malformed or repeated", "send one Content-Length with a decimal number"),
        Refusal.TransferEncoding => (501, "transfer_encoding", "Transfer-Encoding is not supported", "send the body with Content-Length"),
        Refusal.BodyTooLarge => (413, "body_too_large", "the request's body is too large", ""),
        Refusal.BadHost => (400, "bad_request", "exactly one Host header is needed", "send 'Host: localhost'"),
        Refusal.BadExpectation => (417, "expectation_failed", "only 'Expect: 100-continue' is known", ""),
        Refusal.SlowSender => (408, "request_timeout", "the request did not arrive in time", "send the whole request at once"),
        Refusal.TooManyRequests => (503, "too_many_requests", "this user has too many requests in progress", "wait for answers before sending more, or raise max_requests"),
        Refusal.TooManyConnections => (503, "too_many_connections", "there are too many connections", "close connections that are not needed"),
        Refusal.ApiVersionMissing => (400, "api_version_missing", "the api-version is missing", "add ?api-version= to the path"),
        Refusal.ApiVersionUnknown => (400, "api_version_unknown", "this api-version is not known", ""),
        Refusal.ApiVersionNotHere => (400, "api_version_unknown", "this path does not exist in this api-version", ""),
        Refusal.NotFound => (404, "not_found", "there is nothing at this path", ""),
        Refusal.WrongMethod => (400, "wrong_method", "this path does not take this method", ""),
        Refusal.HandlerDeadline => (504, "deadline", "the answer took too long", "see the daemon's log; try again later"),
        Refusal.Stopping => (503, "stopping", "the daemon is stopping", "try again when it runs again"),
        _ => (500, "internal", "the request failed", "see the daemon's log"),
    };
}
