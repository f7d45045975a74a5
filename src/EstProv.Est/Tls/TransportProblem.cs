using System.Net.Sockets;
using System.Security.Authentication;
using EstProv.Platform;

namespace EstProv.Est.Tls;

/// <summary>Explains an HTTPS exchange that failed below HTTP. The framework's own texts are trimmed away, so the causes are told by their kind.</summary>
public static class TransportProblem
{
    /// <param name="cause">What HttpClient threw.</param>
    /// <param name="service">Begins the codes: <c>est</c> gives <c>est_unreachable</c>, <c>est_tls_alert</c>.</param>
    /// <param name="credential">The client credential that was shown, in words.</param>
    /// <param name="check">The judgement of the server on this connection; its refusal is the cause where there is one.</param>
    public static ProblemException Explain(Exception cause, string service, Uri url, string credential, ServerCertificateCheck? check)
    {
        if (check?.Problem is { } refused) return new ProblemException(refused.Code, refused.Message, refused.Hint, refused.Status, cause);
        var alert = Alert(cause);
        if (alert is not null)
        {
            return new ProblemException($"{service}_tls_alert", $"{url} broke the TLS connection off ({alert}); the credential shown was {credential}",
                "the server did not like the client certificate, or one of the two asks for what the other cannot: see the server's log", 503, cause);
        }

        var what = cause switch
        {
            OperationCanceledException => "did not answer in time",
            _ when Find<SocketException>(cause) is { } socket => socket.SocketErrorCode switch
            {
                SocketError.ConnectionRefused => "refused the connection",
                SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => $"cannot be found: the name '{url.IdnHost}' does not resolve",
                SocketError.TimedOut => "did not answer in time",
                SocketError.NetworkUnreachable or SocketError.HostUnreachable => "cannot be reached: no route",
                SocketError.ConnectionReset => "reset the connection",
                var other => $"cannot be reached ({other})",
            },
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => $"cannot be found: the name '{url.IdnHost}' does not resolve",
            HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => "cannot be reached: the proxy refuses",
            HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } => "closed the connection without an answer",
            HttpRequestException { HttpRequestError: var kind } => $"cannot be used ({kind})",
            _ => "broke the connection off",
        };
        return new ProblemException($"{service}_unreachable", $"{url} {what}; the credential was {credential}",
            "check the network, the URL and the proxy; it is tried again", 503, cause);
    }

    /// <summary>What OpenSSL said of the handshake, such as <c>tlsv13 alert certificate required</c>; null when the failure was none of TLS.</summary>
    private static string? Alert(Exception cause)
    {
        var isTls = false;
        for (var e = cause; e is not null; e = e.InnerException)
        {
            isTls |= e is AuthenticationException || e.GetType().Name == "SslException"
                || e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };

            // OpenSSL's own text survives trimming: error:0A000412:SSL routines::ssl/tls alert bad certificate
            var text = e.Message;
            var at = text.LastIndexOf("::", StringComparison.Ordinal);
            if (at >= 0 && text.Contains("SSL routines", StringComparison.Ordinal)) return text[(at + 2)..].Trim();
        }

        return isTls && Find<SocketException>(cause) is null ? "TLS handshake failed" : null;
    }

    private static T? Find<T>(Exception cause) where T : Exception
    {
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is T found) return found;
        }

        return null;
    }
}
