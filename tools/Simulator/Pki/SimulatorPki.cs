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
        EstServer = LoadOrMake("est-ca", "EST server CA", null, null, now);
        CloudServer = LoadOrMake("dps-ca", "Cloud server CA", null, 0, now);
        Bootstrap = LoadOrMake("bootstrap-ca", "Bootstrap CA", null, 0, now);
        IdentityRoot = LoadOrMake("identity-root", "Identity root CA", null, null, now);
        Identity = LoadOrMake("identity-ca", "EST identity CA", IdentityRoot, 0, now);
        DeviceIdentity = LoadOrMake("device-identity-ca", "Device identity CA", IdentityRoot, 1, now);
    }

    public string Data { get; }

    public KeyKind KeyKind { get; }

    /// <summary>Signs the EST server's certificate; est-ca.cer is what a device trusts.</summary>
    public Authority EstServer { get; private set; }

    /// <summary>The EST server's next root, once it has been announced.</summary>
    public RootRollover? Rollover { get; private set; }

    /// <summary>Whether both roots are published: from the announcement to the switch.</summary>
    public bool IsOverlap => Rollover is { } rollover && !ReferenceEquals(EstServer, rollover.Next);

    /// <summary>CAs that have issued before the switch; what they have issued is still good.</summary>
    public IReadOnlyList<Authority> FormerIssuing { get; private set; } = [];

    /// <summary>The roots of everything issued, before the switch and after it.</summary>
    public X509Certificate2Collection IssuingRoots => Rollover is null ? [IdentityRoot.Certificate] : [IdentityRoot.Certificate, Rollover.Next.Certificate];

    /// <summary>All CAs that have issued.</summary>
    public X509Certificate2Collection Issuing
    {
        get
        {
            X509Certificate2Collection all = [Identity.Certificate, DeviceIdentity.Certificate];
            foreach (var former in FormerIssuing)
            {
                all.Add(former.Certificate);
            }

            return all;
        }
    }

    /// <summary>Signs the certificates of DPS and of the hubs (dps-ca.cer).</summary>
    public Authority CloudServer { get; }

    /// <summary>The operator's CA of bootstrap certificates.</summary>
    public Authority Bootstrap { get; }

    public Authority IdentityRoot { get; }

    /// <summary>Issues EST identities and server certificates.</summary>
    public Authority Identity { get; private set; }

    /// <summary>Issues device identities and device CAs; the one that DPS has enrolled.</summary>
    public Authority DeviceIdentity { get; private set; }

    /// <summary>Reads the folder's CAs, making those that are absent.</summary>
    public static SimulatorPki LoadOrCreate(string data, KeyKind kind, DateTimeOffset now) => new(data, kind, now);

    /// <summary>Makes the EST server's next root (est-ca-2), which cacerts tells of from now on. In memory: a new start begins before it.</summary>
    public RootRollover AnnounceRoot(DateTimeOffset now)
        => Rollover ??= RootRollover.Between(EstServer, LoadOrMake("est-ca-2", "EST server CA 2", null, null, now), now);

    /// <summary>The next root signs the EST server, and new issuing CAs under it issue. The overlap is over: cacerts knows the new root only.</summary>
    public void SwitchRoot(DateTimeOffset now)
    {
        var next = AnnounceRoot(now).Next;
        FormerIssuing = [Identity, DeviceIdentity];
        Identity = LoadOrMake("identity-ca-2", "EST identity CA 2", next, 0, now);
        DeviceIdentity = LoadOrMake("device-identity-ca-2", "Device identity CA 2", next, 1, now);
        EstServer = next;
    }

    public string CertificatePath(Authority authority) => Path.Combine(Data, authority.Name + ".cer");

    /// <summary>A CA that nobody trusts, for faults.</summary>
    public Authority NewStranger(DateTimeOffset now)
        => new("stranger", CertificateMaker.MakeAuthority("Stranger CA", KeyKind, null, null, now - Age, now + Life), null);

    /// <summary>A CA of the same name with another key, for faults.</summary>
    public Authority NewNamesake(Authority authority, DateTimeOffset now)
        => new("namesake", CertificateMaker.MakeAuthority(authority.Certificate.Subject[3..], KeyKind, null, null, now - Age, now + Life), null);

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
