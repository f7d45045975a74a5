using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Hub;

/// <summary>Admits a device or module by its registered certificate or by a SAS token signed with a registered key.</summary>
internal sealed class HubAuthenticator(SimulatorPki pki, SimulatorClock clock)
{
    private readonly Lock _lock = new();
    private readonly X509Certificate2Collection _authorities = [pki.DeviceIdentity.Certificate];

    public void SetAuthorities(X509Certificate2Collection authorities)
    {
        lock (_lock)
        {
            _authorities.Clear();
            _authorities.AddRange(authorities);
        }
    }

    /// <summary>
    /// Null = admitted as the device, or as its module where <paramref name="moduleId"/> is given and it used its own key; else why not.
    /// </summary>
    public string? Refusal(Exchange exchange, HubDevice? device, string? moduleId, out string credential)
    {
        credential = "";
        if (device is null)
        {
            return "no such device in this hub";
        }

        if (device.Status != "enabled")
        {
            return "the device is disabled";
        }

        var header = (string?)exchange.Request.Headers.Authorization;
        if (header is not null)
        {
            return BySas(exchange, device, moduleId, header, out credential);
        }

        if (exchange.Client is not { } client)
        {
            return "neither a client certificate nor a SAS token";
        }

        credential = "certificate " + client.Leaf.Subject;
        return ByCertificate(client.Leaf, client.Sent, device);
    }

    private string? BySas(Exchange exchange, HubDevice device, string? moduleId, string header, out string credential)
    {
        credential = "";
        if (SasToken.Parse(header) is not { } token)
        {
            return "malformed SAS token";
        }

        if (token.IsExpired(clock.Now))
        {
            return "the SAS token has expired";
        }

        var own = $"{device.Hub}/devices/{device.DeviceId}";
        if (token.Covers(own) && HasKey(device.Authentication, token))
        {
            credential = "sas " + device.DeviceId;
            return null;
        }

        foreach (var module in device.Modules)
        {
            if (module.ModuleId == moduleId && token.Covers(own + "/modules/" + moduleId) && HasKey(module.Authentication, token))
            {
                credential = $"sas {device.DeviceId}/{moduleId}";
                return null;
            }
        }

        return "the SAS token is for something else or signed with another key";
    }

    private string? ByCertificate(X509Certificate2 leaf, X509Certificate2Collection sent, HubDevice device)
    {
        var now = clock.Now.UtcDateTime;
        if (now < leaf.NotBefore.ToUniversalTime() || now > leaf.NotAfter.ToUniversalTime())
        {
            return "the client certificate is out of its validity";
        }

        switch (device.Authentication.Type)
        {
            case "selfSigned":
                return HasThumbprint(device.Authentication, leaf) ? null : "the client certificate is not the registered one";
            case "certificateAuthority":
                X509Certificate2Collection authorities;
                lock (_lock)
                {
                    authorities = [.. _authorities];
                }

                X509Certificate2Collection roots = [pki.IdentityRoot.Certificate, .. authorities];
                var problem = ChainVerifier.Verify(leaf, sent, roots, authorities, authorities, clock.Now, out _);
                return problem ?? (CertificateMaker.CommonName(leaf.SubjectName) == device.DeviceId ? null : "the common name is not the device id");
            default:
                return "the device does not authenticate by certificate";
        }
    }

    private static bool HasKey(HubCredential credential, SasToken token)
        => credential.Type == "sas" && (token.IsSignedWith(credential.PrimaryKey) || token.IsSignedWith(credential.SecondaryKey));

    private static bool HasThumbprint(HubCredential credential, X509Certificate2 leaf)
    {
        var sha256 = leaf.GetCertHashString(HashAlgorithmName.SHA256);
        var sha1 = leaf.Thumbprint;
        foreach (var registered in (string?[])[credential.PrimaryThumbprint, credential.SecondaryThumbprint])
        {
            if (sha256.Equals(registered, StringComparison.OrdinalIgnoreCase) || sha1.Equals(registered, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
