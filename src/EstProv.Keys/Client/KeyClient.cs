using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Keys.Routes;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Keys.Client;

/// <summary>The Key Service over its socket.</summary>
public sealed class KeyClient(LocalClient client) : IKeyClient
{
    private const string Version = "api-version=2021-05-01";
    private const string OctetStream = "application/octet-stream";

    // Longer than the deadline of keyd's own route, so that its words are what is seen.
    private static readonly TimeSpan Generating = TimeSpan.FromSeconds(65);

    /// <inheritdoc/>
    public KeyReference CreateKeyPair(string keyId, string preferredAlgorithms)
    {
        client.Send("POST", $"/keypair?{Version}", Body(("keyId", keyId), ("preferredAlgorithms", preferredAlgorithms)), "application/json",
            timeout: Generating);
        return Load($"id={Uri.EscapeDataString(keyId)}");
    }

    /// <inheritdoc/>
    public KeyReference? FindKeyPair(string keyId, ReadOnlyMemory<byte> spkiSha256 = default)
    {
        var query = $"id={Uri.EscapeDataString(keyId)}";
        if (!spkiSha256.IsEmpty) query += $"&spki={Base64Url.EncodeToString(spkiSha256.Span)}";
        try
        {
            return Load(query);
        }
        catch (ProblemException problem) when (problem.Code == "key_not_found")
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public KeyReference StageNext(string keyId, string preferredAlgorithms)
    {
        var reply = client.Send("POST", $"/keypair/{Uri.EscapeDataString(keyId)}/next?{Version}", Body(("preferredAlgorithms", preferredAlgorithms)),
            "application/json", timeout: Generating);
        return Load($"handle={Uri.EscapeDataString(HandleOf(reply))}");
    }

    /// <inheritdoc/>
    public void DiscardNext(string keyId) => client.Send("DELETE", $"/keypair/{Uri.EscapeDataString(keyId)}/next?{Version}");

    /// <inheritdoc/>
    public void Promote(string keyId, ReadOnlyMemory<byte> spkiSha256) => client.Send("POST",
        $"/keypair/{Uri.EscapeDataString(keyId)}/promote?{Version}", Body(("spki", Base64Url.EncodeToString(spkiSha256.Span))), "application/json");

    /// <inheritdoc/>
    public void RetirePrevious(string keyId) => client.Send("DELETE", $"/keypair/{Uri.EscapeDataString(keyId)}/previous?{Version}");

    /// <inheritdoc/>
    public byte[] SignDigest(string keyHandle, SignatureScheme scheme, HashAlgorithmName hash, ReadOnlySpan<byte> digest)
    {
        var algorithm = scheme switch
        {
            SignatureScheme.Ecdsa => "ECDSA",
            SignatureScheme.RsaPkcs1 => "RSA-PKCS1",
            SignatureScheme.RsaPss => "RSA-PSS",
            _ => throw new ArgumentOutOfRangeException(nameof(scheme)),
        };
        var query = $"handle={Uri.EscapeDataString(keyHandle)}&algorithm={algorithm}&hash={HashName(hash)}&{Version}";
        return client.Send("POST", "/sign?" + query, digest, OctetStream, OctetStream).Body;
    }

    private KeyReference Load(string query)
    {
        var reply = client.Send("GET", $"/publickey?{query}&{Version}", accept: OctetStream);
        return new KeyReference(reply.Header(KeyRoutes.HandleHeader) ?? throw BadAnswer(), reply.Body);
    }

    private static string HashName(HashAlgorithmName hash) => hash.Name switch
    {
        "SHA256" => "sha256",
        "SHA384" => "sha384",
        "SHA512" => "sha512",
        _ => throw new ArgumentOutOfRangeException(nameof(hash), hash.Name, "SHA-256, SHA-384 and SHA-512 are signed"),
    };

    private static byte[] Body(params (string Name, string Value)[] fields) => JsonFields.Write(json =>
    {
        foreach (var (name, value) in fields) json.WriteString(name, value);
    });

    private static string HandleOf(LocalReply reply)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            return document.RootElement.GetProperty("keyHandle"u8).GetString() ?? throw BadAnswer();
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw BadAnswer();
        }
    }

    private static ProblemException BadAnswer() => new("keyd_bad_answer", "the Key Service gave an answer without a key handle",
        "its version does not fit this program's", 502);
}
