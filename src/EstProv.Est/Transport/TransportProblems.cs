using System.Net.Sockets;
using System.Security.Authentication;
using EstProv.Est.Messages;
using EstProv.Platform;

namespace EstProv.Est.Transport;

/// <summary>Tells apart why there was no answer. Goes by types and codes only: texts of the framework are trimmed away.</summary>
internal static class TransportProblems
{
    /// <summary>
    /// Sockets' own exceptions come bare when the connection is reset between connecting and the handshake: the framework asks the socket
    /// for its peer's address there.
    /// </summary>
    public static bool IsOne(Exception failure) =>
        failure is HttpRequestException or IOException or OperationCanceledException or SocketException or AuthenticationException or ProxyException;

    public static ProblemException Explain(Exception failure, HttpMethod method, Uri url, TlsServer server, ServerVerifier verifier,
        ConnectionStage stage)
    {
        if (Find<ProblemException>(failure) is { } problem) return problem;
        var at = $"{method.Method} {url} with credential '{server.Credential}': ";
        if (Find<ProxyException>(failure) is { } proxy) return new(server.Codes + "_proxy", at + proxy.Message, proxy.Hint, 503, failure);
        if (Find<OperationCanceledException>(failure) is not null && TlsAlert.Find(failure) is null)
        {
            return new(server.Codes + "_timeout", at + $"no answer within {Seconds(server)} s: {stage.Describe(url)}",
                (stage.IsEstablished ? "the server is slow or stuck: look into its log" : "check the network, the host and the port")
                    + "; it is tried again by itself",
                504, failure);
        }

        if (TlsAlert.Find(failure) is { } alert) return Alerted(at, alert, server, failure);
        if (Find<SocketException>(failure) is { } socket) return Disconnected(at, socket.SocketErrorCode, url, server, failure);
        if (Find<AuthenticationException>(failure) is not null)
        {
            return Refused(at, verifier, failure) ?? new ProblemException(server.Codes + "_tls", at + "no TLS session could be agreed on with the server",
                "at that port TLS 1.2 or later must be spoken, and nothing else; the client certificate's key must be usable", 502,
                failure);
        }

        return (failure as HttpRequestException)?.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => Disconnected(at, SocketError.HostNotFound, url, server, failure),
            HttpRequestError.ConnectionError => Disconnected(at, SocketError.SocketError, url, server, failure),
            HttpRequestError.ConfigurationLimitExceeded => new ProblemException(server.Codes + "_bad_answer",
                at + "the answer is too long", $"check that the URL is {server.Kind}'s", 502, failure),
            HttpRequestError.InvalidResponse => new ProblemException(server.Codes + "_bad_answer",
                at + "the answer is not HTTP", $"check that the URL is {server.Kind}'s", 502, failure),
            HttpRequestError.SecureConnectionError => Refused(at, verifier, failure) ?? Closed(at + "the server ended the connection during the TLS handshake", server, failure),
            _ => Closed(at + "the server closed the connection without an answer", server, failure),
        };
    }

    private static ProblemException? Refused(string at, ServerVerifier verifier, Exception failure) => verifier.Refusal is { } refusal
        ? new(refusal.Code, $"{at}the server is not trusted: {refusal.What}", refusal.Hint, 502, failure)
        : null;

    private static ProblemException Alerted(string at, int alert, TlsServer server, Exception failure)
    {
        var name = TlsAlert.Name(alert);
        if (!TlsAlert.IsAboutOurCertificate(alert))
        {
            var hint = alert == TlsAlert.ProtocolVersion ? "the server must offer TLS 1.2 or later"
                : alert != TlsAlert.HandshakeFailure ? "look into the server's log"
                : server.ClientCertificate is null ? "it probably wants a client certificate, and we have none to show"
                : "it may not accept the client certificate, or have no cipher suite in common with us";
            // Other alerts (internal_error, protocol_version) are the server's own trouble: nobody has judged what we show.
            return new(server.Codes + (alert == TlsAlert.HandshakeFailure ? "_tls_alert" : "_tls"), at + $"the server ended TLS with the alert {name}", hint, 502, failure);
        }

        return server.ClientCertificate is null
            ? new(server.Codes + "_tls_alert", at + $"the server wants a client certificate, and we have none to show: {name}", "configure a client certificate", 502, failure)
            : new(server.Codes + "_tls_alert", at + $"the server refused our client certificate '{Paths.Names.Subject(server.ClientCertificate.TargetCertificate)}': {name}",
                "the server must trust its issuer, the intermediates must be sent with it, and it must be neither expired nor revoked", 502, failure);
    }

    private static ProblemException Disconnected(string at, SocketError error, Uri url, TlsServer server, Exception failure) => error switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => new(server.Codes + "_dns",
            at + $"the host name '{PeerText.Clean(url.IdnHost)}' cannot be resolved", "check the host name and the device's name servers", 503, failure),
        SocketError.ConnectionRefused => new(server.Codes + "_unreachable", at + $"connection refused by {url.IdnHost}:{url.Port}",
            "the server does not run there, or a firewall refuses us", 503, failure),
        SocketError.TimedOut => new(server.Codes + "_timeout", at + $"{url.IdnHost}:{url.Port} does not answer", "check the network, the host and the port", 504, failure),
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.NotConnected => Closed(at + "the server reset the connection", server, failure),
        _ => new(server.Codes + "_unreachable", at + $"{url.IdnHost}:{url.Port} cannot be reached ({error})", "check the device's network", 503, failure),
    };

    private static ProblemException Closed(string what, TlsServer server, Exception failure) => new(server.Codes + "_reset", what,
        server.ClientCertificate is null
            ? "look into the server's log; it may want a client certificate"
            : "look into the server's log; it may not accept the client certificate, or miss its intermediates", 502, failure);

    private static int Seconds(TlsServer server) => (int)Math.Ceiling(server.Timeout.TotalSeconds);

    private static T? Find<T>(Exception? failure)
        where T : Exception
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is T found) return found;
        }

        return null;
    }
}
