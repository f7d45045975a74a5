using System.Text.Json;
using EstProv.Identity.Api;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// Follows the Certificates Service's changes on a thread of its own, and tells of certificates that have become others, or failed to.
/// </summary>
/// <param name="changed">
/// Called with the id of a certificate and the kind of the change; with two empty texts when the service is back after an absence, or
/// changes were missed: anything may have happened then.
/// </param>
internal sealed class CertificateWatch(LocalClient certd, Action<string, string> changed, CancellationToken stopping)
{
    public const string Staged = "staged";
    public const string Committed = "committed";
    public const string Issued = "issued";
    public const string Failed = "failed";

    /// <summary>Somebody had it forgotten: it is got again when it is asked for.</summary>
    public const string Deleted = "deleted";

    /// <summary>An operator's file brought another one.</summary>
    public const string Replaced = "replaced";

    /// <summary>The longest that a feed holds an answer.</summary>
    private const int WaitSeconds = 300;

    private const int FirstPause = 20, LongestPause = 1000;

    private const int StackBytes = 256 * 1024;

    private int _started;

    /// <summary>Once is enough.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0) StartThread();
    }

    private void StartThread() => new Thread(Run, StackBytes) { IsBackground = true, Name = "certificate watch" }.Start();

    private void Run()
    {
        try
        {
            Follow();
        }
        catch (ObjectDisposedException) when (stopping.IsCancellationRequested)
        {
            // The service ended while this thread was on its way to notice.
            return;
        }
    }

    private void Follow()
    {
        var (after, pause, absent) = (0L, FirstPause, true);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var reply = certd.Send("GET", $"/changes?api-version={ApiVersions.Certd}&after={after}&wait={(absent ? 0 : WaitSeconds)}",
                    timeout: TimeSpan.FromSeconds(WaitSeconds + 15));
                after = Read(reply.Body, absent ? static (_, _) => { } : changed, out var isLost);
                if (absent || isLost) changed("", "");
                (absent, pause) = (false, FirstPause);
            }
            catch (Exception cause) when (cause is ProblemException or JsonException)
            {
                absent = true;
                stopping.WaitHandle.WaitOne(pause);
                pause = Math.Min(pause * 2, LongestPause);
            }
        }
    }

    /// <exception cref="JsonException">Not a feed's answer.</exception>
    private static long Read(ReadOnlyMemory<byte> body, Action<string, string> changed, out bool isLost)
    {
        using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
        var root = document.RootElement;
        if (root.ValueKind is not JsonValueKind.Object
            || !root.TryGetProperty("next", out var number) || number.ValueKind is not JsonValueKind.Number
            || !number.TryGetInt64(out var next) || !root.TryGetProperty("changes", out var changes)
            || changes.ValueKind is not JsonValueKind.Array)
        {
            throw new JsonException();
        }

        isLost = root.TryGetProperty("lost", out var lost) && lost.ValueKind is JsonValueKind.True;
        foreach (var change in changes.EnumerateArray())
        {
            if (Text(change, "subject") is { Length: > 0 } id
                && Text(change, "kind") is (Staged or Committed or Issued or Failed or Deleted or Replaced) and var kind)
            {
                changed(id, kind);
            }
        }

        return next;
    }

    private static string? Text(JsonElement change, string name) => change.ValueKind is JsonValueKind.Object
        && change.TryGetProperty(name, out var found) && found.ValueKind is JsonValueKind.String ? found.GetString() : null;
}
