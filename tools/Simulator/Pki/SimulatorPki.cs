using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>
/// The CAs in the data folder, each as NAME.cer (PEM) and NAME.key (PKCS#8 PEM, 0600): est-ca signs the EST server, dps-ca DPS and the hub,
/// bootstrap-ca is the operator's, identity-root signs identity-ca and device-identity-ca. Servers' and devices' CAs have no root in common.
/// </summary>
public sealed class SimulatorPki
{
    private static readonly TimeSpan Age = TimeSpan.FromDays(365);
    private static readonly TimeSpan Life = TimeSpan.FromDays(3650);

    private SimulatorPki(string data, KeyKind kind, DateTimeOffset now)
    {
        Data = data;
        KeyKind = kind;
        Directory.CreateDirectory(data);
        EstServer = LoadOrMake("est-ca", "EST server CA", null, 0, now);
        CloudServer = LoadOrMake("dps-ca", "Cloud server CA", null, 0, now);
        Bootstrap = LoadOrMake("bootstrap-ca", "Bootstrap CA", null, 0, now);
        IdentityRoot = LoadOrMake("identity-root", "Identity root CA", null, null, now);
        Identity = LoadOrMake("identity-ca", "EST identity CA", IdentityRoot, 0, now);
        DeviceIdentity = LoadOrMake("device-identity-ca", "Device identity CA", IdentityRoot, 1, now);
    }

    public string Data { get; }

    public KeyKind KeyKind { get; }

    /// <summary>Signs the EST server's certificate; est-ca.cer is what a device trusts.</summary>
    public Authority EstServer { get; }

    /// <summary>Signs the certificates of DPS and of the hubs (dps-ca.cer).</summary>
    public Authority CloudServer { get; }

    /// <summary>The operator's CA of bootstrap certificates.</summary>
    public Authority Bootstrap { get; }

    public Authority IdentityRoot { get; }

    /// <summary>Issues EST identities and server certificates.</summary>
    public Authority Identity { get; }

    /// <summary>Issues device identities and device CAs; the one that DPS has enrolled.</summary>
    public Authority DeviceIdentity { get; }

    /// <summary>Reads the folder's CAs, making those that are absent.</summary>
    public static SimulatorPki LoadOrCreate(string data, KeyKind kind, DateTimeOffset now) => new(data, kind, now);

    public string CertificatePath(Authority authority) => Path.Combine(Data, authority.Name + ".cer");

    /// <summary>A CA that nobody trusts, for faults.</summary>
    public Authority NewStranger(DateTimeOffset now)
        => new("stranger", CertificateMaker.MakeAuthority("Stranger CA", KeyKind, null, null, now - Age, now + Life), null);

    private Authority LoadOrMake(string name, string commonName, Authority? issuer, int? pathLength, DateTimeOffset now)
    {
        var certificateFile = Path.Combine(Data, name + ".cer");
        var keyFile = Path.Combine(Data, name + ".key");
        if (File.Exists(certificateFile) && File.Exists(keyFile))
        {
            return new Authority(name, X509Certificate2.CreateFromPemFile(certificateFile, keyFile), issuer);
        }

        var certificate = CertificateMaker.MakeAuthority("EstProv simulator " + commonName, KeyKind, issuer, pathLength, now - Age, now + Life);
        using var key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
        StateFile.Write(keyFile, key!.ExportPkcs8PrivateKeyPem() + "\n", secret: true);
        StateFile.Write(certificateFile, certificate.ExportCertificatePem() + "\n");
        return new Authority(name, certificate, issuer);
    }
}
