using System.Buffers.Text;
using System.Text.Json;
using EstProv.Keys.Client;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// What the Identity Service asks of the Key Service. A key pair's signatures are not among it: OpenSSL's provider asks for those.
/// </summary>
internal sealed class KeydQueries(LocalClient keyd)
{
    /// <summary>Symmetric keys: the master identity key, and the device's where it has one.</summary>
    public SymmetricKeyClient Symmetric { get; } = new(keyd);

    /// <summary><see cref="FloatingHandle"/>, made once.</summary>
    public Func<string, string> PairHandle => field ??= FloatingHandle;

    /// <summary>The handle of a symmetric key.</summary>
    public Func<string, string> SymmetricHandle => field ??= Symmetric.Load;

    /// <summary>The floating handle of a key id.</summary>
    /// <exception cref="ProblemException">keyd's.</exception>
    public string FloatingHandle(string keyId)
        => HandleIn(keyd.Send("GET", $"/keypair/{Uri.EscapeDataString(keyId)}?api-version={ApiVersions.Keyd}"));

    /// <summary>The handle of the key pair of <paramref name="keyId"/> with this public key; null when there is none.</summary>
    /// <exception cref="ProblemException">keyd's.</exception>
    public string? FindHandle(string keyId, byte[] spkiSha256)
    {
        try
        {
            return HandleIn(keyd.Send("GET",
                $"/keypair/{Uri.EscapeDataString(keyId)}?api-version={ApiVersions.Keyd}&spki={Base64Url.EncodeToString(spkiSha256)}"));
        }
        catch (ProblemException missing) when (missing.Code == "key_not_found")
        {
            return null;
        }
    }

    private static string HandleIn(LocalReply reply)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            if (document.RootElement.ValueKind is JsonValueKind.Object && document.RootElement.TryGetProperty("keyHandle", out var handle)
                && handle.ValueKind is JsonValueKind.String) return handle.GetString()!;
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new ProblemException("keyd_bad_answer", "the Key Service answered without a key handle", "are all daemons of one version?",
            503);
    }
}
