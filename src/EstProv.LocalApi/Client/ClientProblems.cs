using System.Globalization;
using System.Text.Json;
using EstProv.LocalApi.Interop;
using EstProv.Platform;

namespace EstProv.LocalApi.Client;

/// <summary>What a client says when a daemon does not answer, or answers with an error.</summary>
internal sealed class ClientProblems(string socketPath, string serviceName)
{
    private readonly string _daemon = Path.GetFileNameWithoutExtension(socketPath);

    public ProblemException Unreachable(int error, TimeSpan limit)
    {
        var cause = error is Errno.Again or Errno.TimedOut
            ? string.Create(CultureInfo.InvariantCulture, $"timed out after {limit.TotalSeconds:0.###} s")
            : Errno.Describe(error);
        var hint = error switch
        {
            Errno.AccessDenied or Errno.NotPermitted => "the calling user must be in the group estprov: usermod -aG estprov NAME, and log in again",
            Errno.Again or Errno.TimedOut => $"is estprov-{_daemon} busy? journalctl -u estprov-{_daemon}",
            _ => $"is estprov-{_daemon} running? systemctl status estprov-{_daemon}",
        };
        return new ProblemException($"{_daemon}_unreachable", $"cannot reach the {serviceName} at {socketPath}: {cause}", hint, 503);
    }

    public ProblemException WrongUser(uint uid, string wanted)
        => new($"{_daemon}_wrong_user", $"{socketPath} is served by uid {uid}, not by {wanted}",
            Users.FindUser(wanted) is null
                ? $"there is no user {wanted} on this machine: systemd-sysusers makes it, or see who started what listens there"
                : $"stop what listens there; only estprov-{_daemon} may", 503);

    public ProblemException BadAnswer(string method, string target, string wrong)
        => new($"{_daemon}_bad_answer", $"the {serviceName} at {socketPath} answered {method} {PathOf(target)} with something malformed: {wrong}",
            $"is it estprov-{_daemon} that listens there, of the same release? restart it after an update", 502);

    /// <summary>The daemon's own words; where it has none, ours.</summary>
    public ProblemException Refused(string method, string target, LocalReply reply)
    {
        string? code = null, message = null, hint = null;
        try
        {
            ReadBody(reply.Body, ref code, ref message, ref hint);
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            // Not an error body: said below.
            code = message = hint = null;
        }

        return new ProblemException(code ?? $"{_daemon}_error",
            message ?? $"the {serviceName} answered {method} {PathOf(target)} with status {reply.Status}",
            hint ?? (message is null ? $"see journalctl -u estprov-{_daemon}" : ""), reply.Status)
        {
            RetryAfter = int.TryParse(reply.Header("Retry-After"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : null,
        };
    }

    private static void ReadBody(byte[] body, ref string? code, ref string? message, ref string? hint)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 4 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString();
            reader.Read();
            var value = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            reader.Skip();
            if (name == "message") message = value;
            else if (name == "hint") hint = value;
            else if (name == "code") code = value;
        }
    }

    /// <summary>Queries stay out of messages: they may carry handles.</summary>
    private static string PathOf(string target)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        return question < 0 ? target : target[..question];
    }
}
