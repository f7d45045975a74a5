using System.Globalization;

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
    TooManyWaiting,
    TooManyConnections,
    ApiVersionMissing,
    ApiVersionRepeated,
    ApiVersionUnknown,
    ApiVersionNotHere,
    NotFound,
    WrongMethod,
    Stopping,
}

/// <summary>One sentence, and what to do, for each <see cref="Refusal"/> of a server's.</summary>
internal sealed class Refusals(LocalServerOptions options, RouteTable routes)
{
    private readonly string _daemon = Path.GetFileNameWithoutExtension(options.SocketPath);

    /// <param name="refusal">Why.</param>
    /// <param name="request">Of those that concern its route, the request. Its query stays out of messages: it may carry handles.</param>
    public (int Status, string Code, string Message, string Hint) Describe(Refusal refusal, LocalRequest? request = null) => refusal switch
    {
        Refusal.BadRequestLine => (400, "bad_request", "the request line is malformed",
            "send 'METHOD /path?query HTTP/1.1' with CR LF line ends, without TLS"),
        Refusal.BadTarget => (400, "bad_request", "the request's target is malformed", "send an absolute path with percent-encoded UTF-8"),
        Refusal.TargetTooLong => (414, "target_too_long", $"the request's target is longer than {options.MaxTargetBytes} bytes",
            "shorten the identifiers"),
        Refusal.UnsupportedVersion => (505, "http_version", $"{_daemon} speaks HTTP/1.1 only", "send HTTP/1.1"),
        Refusal.BadHeader => (400, "bad_request", "a header is malformed",
            "send 'Name: value' lines with CR LF line ends, without folding or control characters"),
        Refusal.HeadTooLarge => (431, "head_too_large", $"the request's line and headers are larger than {options.MaxHeadBytes} bytes",
            "send fewer headers"),
        Refusal.TooManyHeaders => (431, "head_too_large", $"the request has more than {options.MaxHeaders} headers", "send fewer headers"),
        Refusal.BadContentLength => (400, "bad_request", "Content-Length is malformed or repeated",
            "send one Content-Length with a decimal number"),
        Refusal.TransferEncoding => (501, "transfer_encoding", "Transfer-Encoding is not supported", "send the body with Content-Length"),
        Refusal.BodyTooLarge => (413, "body_too_large", $"the request's body is larger than {options.MaxBodyBytes} bytes",
            "send no more than that; of large data, only the digest is signed"),
        Refusal.BadHost => (400, "bad_request", "exactly one Host header is needed", "send 'Host: localhost'"),
        Refusal.BadExpectation => (417, "expectation_failed", "only 'Expect: 100-continue' is known", "send no other Expect header"),
        Refusal.SlowSender => (408, "request_timeout", $"the request did not arrive within {Seconds(options.RequestDeadline)} s",
            "send the whole request at once"),
        Refusal.TooManyRequests => (503, "too_many_requests", $"this user has too many requests in progress at {_daemon}",
            $"wait for answers before sending more, or raise max_requests of {_daemon}"),
        Refusal.TooManyWaiting => (503, "too_many_requests", $"too many requests that may take long wait at {_daemon}",
            "wait for answers before sending more, or close the connections of those that are not needed"),
        Refusal.TooManyConnections => (503, "too_many_connections", $"{_daemon} has too many connections, and none that could be closed",
            "close connections that are not needed"),
        Refusal.ApiVersionMissing => (400, "api_version_missing", $"{NameOf(request)} lacks the api-version",
            $"add ?api-version= to the path; {_daemon} knows {routes.Versions}"),
        Refusal.ApiVersionRepeated => (400, "api_version_unknown", $"{NameOf(request)} has more than one api-version",
            $"send one; {_daemon} knows {routes.Versions}"),
        Refusal.ApiVersionUnknown => (400, "api_version_unknown", $"{NameOf(request)} has an api-version that {_daemon} does not know",
            $"send {routes.Versions}"),
        Refusal.ApiVersionNotHere => (400, "api_version_unknown", $"{NameOf(request)} does not exist in this api-version",
            $"send {string.Join(" or ", request?.Matched?.ApiVersions ?? [])}"),
        Refusal.NotFound => (404, "not_found", $"{_daemon} has nothing at {request?.Path}",
            $"check the path; another daemon may have it, or a later release of {_daemon}"),
        Refusal.WrongMethod => (400, "wrong_method", $"{_daemon} has no {NameOf(request)}",
            $"this path takes {(request is null ? "" : routes.MethodsOf(request))}"),
        Refusal.Stopping => (503, "stopping", $"{_daemon} is stopping",
            $"try again when it runs again: systemctl status estprov-{_daemon}"),
        _ => Unexpected("the request"),
    };

    /// <summary>The handler has exceeded its deadline.</summary>
    public (int Status, string Code, string Message, string Hint) TooSlow(Route route)
        => (504, "deadline", $"{_daemon} took longer than {Seconds(route.Deadline)} s for {route.Name}",
            $"try again later; estprov check says what hangs, journalctl -u estprov-{_daemon} what happened");

    /// <summary>What nobody foresaw; what it was stands in the log.</summary>
    public (int Status, string Code, string Message, string Hint) Unexpected(string what)
        => (500, "internal", $"{what} failed unexpectedly",
            $"see journalctl -u estprov-{_daemon}; report it with what estprov support-bundle FILE writes");

    private static string NameOf(LocalRequest? request) => $"{request?.Method} {request?.Path}";

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
}
