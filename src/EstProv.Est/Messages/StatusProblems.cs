using EstProv.Platform;

namespace EstProv.Est.Messages;

/// <summary>What an answer other than success means, and what to do about it.</summary>
internal static class StatusProblems
{
    public static ProblemException Explain(EstReply reply, EstServer server)
    {
        var (code, what, hint) = reply.Status switch
        {
            401 => ("est_unauthorized", "the EST server does not know who we are", UnauthorizedHint(reply, server)),
            403 => ("est_forbidden", "the EST server refuses this request",
                reply.Challenges.Length > 0
                    ? $"the server asks for authentication by {string.Join(", ", reply.Challenges)}; the credential must be allowed to enrol at this URL"
                    : "the credential must be allowed to enrol at this URL, for this subject"),
            404 => ("est_not_found", "the EST server has nothing at this URL", "check the URL and its label"),
            429 or 503 => ("est_busy", "the EST server is busy", "it is tried again by itself"),
            202 => ("est_busy", "the EST server is not ready", "it is tried again by itself"),
            >= 300 and < 400 => ("est_redirect", RedirectText(reply), reply.NotFollowed?.Hint ?? "look into the server's log"),
            >= 400 and < 500 => ("est_rejected", "the EST server rejects this request", "look into the server's log"),
            >= 500 => ("est_server_error", "the EST server failed", "look into the server's log; it is tried again by itself"),
            _ => ("est_bad_answer", "the EST server gave an answer that EST does not have", "check that the URL is an EST server's"),
        };
        var words = reply.Words;
        var message = $"{reply.Method} {reply.Url} with credential '{reply.Credential}': {what} (HTTP {reply.Status}{(words.Length == 0 ? "" : $": \"{words}\"")})"
            + (reply.SentBy is { } sender ? $"; {sender} sent us there" : "");
        return new ProblemException(code, message, hint, code == "est_busy" ? 503 : 502) { RetryAfter = reply.RetryAfter };
    }

    private static string UnauthorizedHint(EstReply reply, EstServer server)
    {
        if (server.Username is not null && reply.SentBy is not null)
            return "user name and password go to no other server than the configured one; configure this one's URL, if you trust it";

        var basicWillDo = server.PasswordUse == EstPasswordUse.Basic && reply.Asks("Basic");
        if (server.Username is not null && !basicWillDo && reply.DigestUnable is { } unable) return unable + "; configure the server otherwise, or a client certificate";
        if (server is { Username: not null, PasswordUse: EstPasswordUse.Digest } && reply.Digest is null)
        {
            return (reply.Challenges.Length > 0 ? $"the server asks for {string.Join(", ", reply.Challenges)}" : "the server asks for nothing")
                + ", and Digest is the only use of the password that is allowed to us; allow Basic, or have the server ask for Digest";
        }

        var asks = reply.Challenges.Length > 0 ? $"the server asks for {string.Join(", ", reply.Challenges)}; " : "";
        return (server.Username, server.ClientCertificate) switch
        {
            // libest's server tells that it wants Digest only to who has sent no password yet.
            (not null, null) when reply.Challenges.Length == 0 && server.PasswordUse == EstPasswordUse.Basic =>
                "check user name and password; a server that takes Digest alone may keep silent about it when Basic comes first: http_authentication = \"digest\" waits for its question",
            (not null, null) => asks + "check user name and password",
            (not null, not null) => asks + "check user name, password and the client certificate, and that the server trusts its issuer",
            (null, not null) => asks + "check that the server trusts the issuer of the client certificate, or configure a user name and a password",
            (null, null) => asks + "configure a client certificate, or a user name and a password",
        };
    }

    private static string RedirectText(EstReply reply) => reply.Location is { } location
        ? $"the EST server sends us on to {PeerText.Clean(location)}, which is not followed{(reply.NotFollowed is { } refusal ? ": " + refusal.Why : "")}"
        : "the EST server sends us on, but does not say where to";
}
