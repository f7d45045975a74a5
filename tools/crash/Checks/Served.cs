using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.Crash.Device;

namespace EstProv.Crash.Checks;

/// <summary>What the device serves at this moment, asked from outside: certificates, handles, signatures, the identity.</summary>
internal sealed class Served(DeviceFolder device) : IDisposable
{
    private readonly LocalClient _keyd = new(device, "keyd"), _certd = new(device, "certd"), _identityd = new(device, "identityd");

    public ServedModules Modules => new(_identityd, _keyd);

    /// <summary>To ask it for more than what is checked here.</summary>
    public LocalClient Identityd => _identityd;

    /// <summary>The leaf, null when there is none.</summary>
    /// <exception cref="Finding">certd says something else than these two.</exception>
    public X509Certificate2? Certificate(string id)
    {
        if (_certd.Ask($"/certificates/{id}") is not { } answer) throw new Finding("certd does not answer");
        if (answer.Status == HttpStatusCode.OK) return X509Certificate2.CreateFromPem(answer.Body.GetProperty("pem").GetString());
        if (answer.Status == HttpStatusCode.BadRequest
            && Text(answer.Body, "code") is "certificate_not_found" or "certificate_pending") return null;
        throw new Finding($"certd answers {(int)answer.Status} for {id}: {answer.Body}");
    }

    /// <summary>
    /// Null when the key of this certificate signs; else what is wrong. <paramref name="current"/>: as the key that the id stands for,
    /// not by its public half.
    /// </summary>
    public string? FaultOfKey(string id, X509Certificate2 certificate, bool current)
    {
        var hash = Base64Url(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        var answer = _keyd.Ask(current ? $"/keypair/{id}" : $"/keypair/{id}?spki={hash}");
        if (answer is not { } found) return "keyd does not answer";
        if (found.Status != HttpStatusCode.OK)
            return $"keyd has no key for the certificate of {id} ({certificate.SerialNumber}): {found.Body}";
        return FaultOfSignature(found.Body.GetProperty("keyHandle").GetString()!, certificate);
    }

    /// <summary>Null when identityd tells who the device is and its handle signs for device-id's certificate.</summary>
    public string? FaultOfIdentity()
    {
        if (_identityd.Ask("/identities/device", """{"type":"aziot"}""") is not { } answer) return "identityd does not answer";
        if (answer.Status != HttpStatusCode.OK) return $"identityd answers {(int)answer.Status}: {answer.Body}";
        var spec = answer.Body.GetProperty("spec");
        if (Text(spec, "deviceId") != DeviceFolder.Name) return $"identityd tells another device: {spec}";
        var auth = spec.GetProperty("auth");
        var id = Text(auth, "certId")!;
        using var certificate = Certificate(id);
        return certificate is null ? $"identityd names certificate {id}, which certd does not have"
            : FaultOfSignature(Text(auth, "keyHandle")!, certificate);
    }

    /// <summary>Null when nothing is under way: every credential in use, the device registered, nothing waited for.</summary>
    public string? FaultOfRest(IReadOnlyList<string> ids)
    {
        if (_identityd.Ask("/provisioning-status") is not { } answer) return "identityd does not answer";
        if (Text(answer.Body, "state") != "provisioned" || Text(answer.Body, "waitingFor") is not null)
            return $"the device is not settled: {answer.Body}";
        if (_certd.Ask("/credentials") is not { } list) return "certd does not answer";
        var entries = list.Body.GetProperty("credentials").EnumerateArray().ToList();
        foreach (var id in ids)
        {
            var entry = entries.FirstOrDefault(e => Text(e, "id") == id);
            if (entry.ValueKind == JsonValueKind.Undefined || Text(entry, "state") != "current" || entry.TryGetProperty("problem", out _))
                return $"{id} is not settled: {entry}";
        }

        return null;
    }

    public void Dispose()
    {
        _keyd.Dispose();
        _certd.Dispose();
        _identityd.Dispose();
    }

    private string? FaultOfSignature(string handle, X509Certificate2 certificate)
    {
        var digest = RandomNumberGenerator.GetBytes(32);
        var parameters = new { digest = Convert.ToBase64String(digest) };
        var answer = _keyd.Ask("/sign", JsonSerializer.Serialize(new { keyHandle = handle, algorithm = "ECDSA", parameters }));
        if (answer is not { } signed) return "keyd does not answer";
        if (signed.Status != HttpStatusCode.OK)
            return $"keyd does not sign for {certificate.Subject} ({certificate.SerialNumber}): {signed.Body}";
        using var key = certificate.GetECDsaPublicKey()!;
        var signature = Convert.FromBase64String(signed.Body.GetProperty("signature").GetString()!);
        return key.VerifyHash(digest, signature, DSASignatureFormat.Rfc3279DerSequence) ? null
            : $"certificate and key do not match: {certificate.Subject} ({certificate.SerialNumber})";
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;

    private static string Base64Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
