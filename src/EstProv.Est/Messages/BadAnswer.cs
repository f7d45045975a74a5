using EstProv.Platform;

namespace EstProv.Est.Messages;

/// <summary>An answer that is not what RFC 7030 asks for.</summary>
internal static class BadAnswer
{
    public static ProblemException Explain(EstReply reply, string what, string hint = "check that the URL is an EST server's") =>
        new("est_bad_answer", $"{reply.Method} {reply.Url} with credential '{reply.Credential}': {what}", hint, 502);
}
