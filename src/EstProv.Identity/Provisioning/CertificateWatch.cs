using System.Text.Json;
using EstProv.Identity.Api;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// Follows the Certificates Service's changes on a thread of its own and calls when something happened to the device's certificate, or when the
/// service is back after an absence, in which anything may have happened.
/// </summary>
internal sealed class CertificateWatch(LocalClient certd, string certificateId, Action look, CancellationToken stopping)
{
    /// <summary>The longest that a feed holds an answer.</summary>
    private const int WaitSeconds = 300;

    private const int FirstPause = 20, LongestPause = 1000;

    private const int StackBytes = 256 * 1024;

    public void Start() => new Thread(Run, StackBytes) { IsBackground = true, Name = "certificate watch" }.Start();

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
                var reply = certd.Send("GET", $"/changes?api-version={ApiVersions.Certd}&after={after}&wait={(absent ? 0 : WaitSeconds)}", timeout: TimeSpan.FromSeconds(WaitSeconds + 15));
                var (next, concerns) = Read(reply.Body, certificateId);
                after = next;
                if (absent || concerns) look();
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
    internal static (long Next, bool Concerns) Read(ReadOnlyMemory<byte> body, string certificateId)
    {
        using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
        var root = document.RootElement;
        if (root.ValueKind is not JsonValueKind.Object || !root.TryGetProperty("next", out var number) || number.ValueKind is not JsonValueKind.Number
            || !number.TryGetInt64(out var next) || !root.TryGetProperty("changes", out var changes) || changes.ValueKind is not JsonValueKind.Array)
        {
            throw new JsonException();
        }

        // What was missed may have been about it.
        var concerns = root.TryGetProperty("lost", out var lost) && lost.ValueKind is JsonValueKind.True;
        foreach (var change in changes.EnumerateArray())
        {
            if (change.ValueKind is not JsonValueKind.Object) continue;
            concerns |= Is(change, "subject", certificateId) && (Is(change, "kind", "staged") || Is(change, "kind", "committed") || Is(change, "kind", "issued") || Is(change, "kind", "failed"));
        }

        return (next, concerns);
    }

    private static bool Is(JsonElement change, string name, string value)
        => change.TryGetProperty(name, out var found) && found.ValueKind is JsonValueKind.String && found.ValueEquals(value);
}
