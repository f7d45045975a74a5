using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Hub;

/// <summary>Admits a device or module by its registered certificate or by a SAS token signed with a registered key.</summary>
internal sealed class HubAuthenticator(SimulatorPki pki)
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

    /// <summary>Null = admitted as the device, or as the module <paramref name="moduleId"/> where it used its own credential; else why not.</summary>
    public HubError? Refusal(Exchange exchange, HubDevice? device, string? moduleId, out HubAdmission? admission)
    {
        admission = null;
        if (device is null)
        {
            return HubError.Unauthorized("no such device in this hub");
        }

        var module = device.Module(moduleId);
        var header = (string?)exchange.Request.Headers.Authorization;
        string? problem;
        if (header is not null)
        {
            problem = BySas(exchange.Now, device, module, header, out admission);
        }
        else if (exchange.Client is { } client)
        {
            problem = ByCertificate(client.Leaf, client.Sent, device, module, exchange.Now, out admission);
        }
        else
        {
            problem = "neither a client certificate nor a SAS token";
        }

        if (problem is not null)
        {
            return HubError.Unauthorized(problem);
        }

        return device.Status == "enabled" ? null : HubError.DeviceDisabled();
    }

    private static string? BySas(DateTimeOffset now, HubDevice device, HubModule? module, string header, out HubAdmission? admission)
    {
        admission = null;
        if (SasToken.Parse(header) is not { } token)
        {
            return "malformed SAS token";
        }

        if (token.IsExpired(now))
        {
            return "the SAS token has expired";
        }

        // A key of the registry has no name; with one it is of a shared access policy, which no device has.
        if (token.KeyName is not null)
        {
            return $"the SAS token is of the policy {token.KeyName}";
        }

        var own = $"{device.Hub}/devices/{device.DeviceId}";
        if (token.Covers(own) && HasKey(device.Authentication, token))
        {
            admission = new HubAdmission("sas " + device.DeviceId, IsModule: false);
            return null;
        }

        if (module is not null && token.Covers(own + "/modules/" + module.ModuleId) && HasKey(module.Authentication, token))
        {
            admission = new HubAdmission($"sas {device.DeviceId}/{module.ModuleId}", IsModule: true);
            return null;
        }

        return "the SAS token is for something else or signed with another key";
    }

    private string? ByCertificate(
        X509Certificate2 leaf, X509Certificate2Collection sent, HubDevice device, HubModule? module, DateTimeOffset now, out HubAdmission? admission)
    {
        admission = null;
        if (!Validity.Includes(leaf, now))
        {
            return "the client certificate is out of its validity";
        }

        var problem = Judge(leaf, sent, device.Authentication, device.DeviceId, now);
        if (problem is null)
        {
            admission = new HubAdmission("certificate " + leaf.Subject, IsModule: false);
            return null;
        }

        // The common name of a module under a CA is of both names (learn.microsoft.com/azure/iot-hub/authenticate-authorize-x509).
        if (module is not null && Judge(leaf, sent, module.Authentication, $"{device.DeviceId}/{module.ModuleId}", now) is null)
        {
            admission = new HubAdmission($"certificate {leaf.Subject} of module {module.ModuleId}", IsModule: true);
            return null;
        }

        return problem;
    }

    private string? Judge(X509Certificate2 leaf, X509Certificate2Collection sent, HubCredential credential, string name, DateTimeOffset now)
    {
        switch (credential.Type)
        {
            case "selfSigned":
                return Thumbprint.IsOneOf(leaf, credential.PrimaryThumbprint, credential.SecondaryThumbprint)
                    ? null
                    : "the client certificate is not the registered one";
            case "certificateAuthority":
                X509Certificate2Collection authorities;
                lock (_lock)
                {
                    authorities = [.. _authorities];
                }

                X509Certificate2Collection roots = [pki.IdentityRoot.Certificate, .. authorities];
                var problem = ChainVerifier.Verify(leaf, sent, roots, authorities, authorities, now, out _);
                return problem ?? (CertificateMaker.CommonName(leaf.SubjectName) == name ? null : "the common name is not " + name);
            default:
                return "it does not authenticate by certificate";
        }
    }

    private static bool HasKey(HubCredential credential, SasToken token)
        => credential.Type == "sas" && (token.IsSignedWith(credential.PrimaryKey) || token.IsSignedWith(credential.SecondaryKey));
}
