using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Cli.Tests;

/// <summary>A device on which all is well, for a test to break: configuration, certificates under a CA, keys, plans.</summary>
internal static class BrokenDevice
{
    private const string Url = "https://est.example/.well-known/est";

    public static FakeDevice Whole()
    {
        var device = new FakeDevice();
        Write(device, "keyd.toml", $"""
            homedir_path = "{device.Folder}/keyd"
            [[principal]]
            uid = 0
            keys = ["*"]
            """);
        Write(device, "certd.toml", $"""
            homedir_path = "{device.Folder}/certd"
            [cert_issuance]
            device-id = "est"
            [cert_issuance.est]
            method = "x509"
            identity_cert = "est-id"
            identity_pk = "est-id"
            bootstrap_identity_cert = "bootstrap"
            bootstrap_identity_pk = "bootstrap"
            [cert_issuance.est.urls]
            default = "{Url}"
            [preloaded_certs]
            bootstrap = "{device.Folder}/bootstrap.cer"
            est-ca = "{device.Folder}/est-ca.cer"
            trust-bundle = ["est-ca"]
            """);
        Write(device, "identityd.toml", $"""
            homedir_path = "{device.Folder}/identityd"
            [provisioning]
            source = "dps"
            scope_id = "0ne0001"
            [provisioning.attestation]
            method = "x509"
            identity_cert = "device-id"
            identity_pk = "device-id"
            """);
        device.Status = """{"state":"provisioned","source":"dps","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id","hub":"hub.example","device":"dev-1","since":"2026-02-28T08:00:00Z"}""";
        Credentials(device);
        Plan(device, "est-id", "'est-id', as a TLS client certificate; simplereenroll: it renews itself");
        Plan(device, "device-id", "'est-id', as a TLS client certificate; simpleenroll");
        Issue(device);
        return device;
    }

    /// <summary>All three daemons.</summary>
    public static FakeDevice Started(this FakeDevice device) => device.StartKeyd().StartCertd().StartIdentityd();

    /// <summary>The certificates and keys, with these ends.</summary>
    public static void Issue(FakeDevice device, string leavesEnd = "2026-05-30", string caEnds = "2027-03-01",
        string bootstrapEnds = "2036-01-01", string rootEnds = "2036-01-01")
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Request("CN=Root CA", rootKey, isCa: true).CreateSelfSigned(Time("2025-01-01"), Time(rootEnds));
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var ca = Sign(Request("CN=EST CA", caKey, isCa: true), root, rootKey, caEnds);
        foreach (var (id, end) in new[] { ("est-id", leavesEnd), ("device-id", leavesEnd), ("bootstrap", bootstrapEnds) })
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            device.PublicKeys[id] = key.ExportSubjectPublicKeyInfo();
            var request = Request("CN=dev-1", key, isCa: false);
            using var leaf = id == "bootstrap" ? Sign(request, root, rootKey, end) : Sign(request, ca, caKey, end);
            device.Certificates[id] = leaf.ExportCertificatePem() + "\n" + (id == "bootstrap" ? "" : ca.ExportCertificatePem() + "\n");
        }

        device.Certificates["trust-bundle"] = root.ExportCertificatePem() + "\n";
    }

    /// <summary>The CA of <c>est-id</c>, signed by another root than its own.</summary>
    public static string Cross(FakeDevice device)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(device.Certificates["est-id"]);
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Request("CN=New root CA", rootKey, isCa: true).CreateSelfSigned(Time("2025-01-01"), Time("2036-01-01"));
        var request = new CertificateRequest(chain[1].SubjectName, chain[1].PublicKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var cross = Sign(request, root, rootKey, "2036-01-01");
        return cross.ExportCertificatePem() + "\n";
    }

    /// <param name="more">Members of <c>est-id</c>.</param>
    public static void Credentials(FakeDevice device, string end = "2026-05-30T00:00:00Z", string more = "") => device.Credentials = $$"""
        {"credentials":[
          {"id":"device-id","state":"current","keyId":"device-id","subject":"CN=dev-1","issuer":"CN=EST CA","notAfter":"2026-05-30T00:00:00Z","keyAlgorithm":"EC P-256","url":"{{Url}}","credential":"est-id"},
          {"id":"est-id","state":"current","keyId":"est-id","subject":"CN=dev-1","issuer":"CN=EST CA","notAfter":"{{end}}","keyAlgorithm":"EC P-256","url":"{{Url}}","credential":"bootstrap"{{more}}}
        ]}
        """;

    public static void Plan(FakeDevice device, string id, string identity, string problem = "") => device.Plans[id] = $$"""
        {"id":"{{id}}","steps":[{"step":"when","plan":"at 2026-04-14T06:00:00Z"},{"step":"key","plan":"a new key '{{id}}' in keyd (ec-p256), made and kept in its store"},
         {"step":"url","plan":"{{Url}}"},{"step":"trust","plan":"CN=Root CA (from the trust bundle)"}{{(identity.Length == 0 ? "" : $$""",{"step":"identity","plan":"{{identity}}"}""")}}]{{problem}}}
        """;

    public static void Write(FakeDevice device, string file, string text)
    {
        File.WriteAllText(Path.Combine(device.Folder, file), text + "\n");
        File.SetUnixFileMode(Path.Combine(device.Folder, file), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static CertificateRequest Request(string name, ECDsa key, bool isCa)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isCa, false, 0, true));
        return request;
    }

    private static X509Certificate2 Sign(CertificateRequest request, X509Certificate2 issuer, ECDsa issuerKey, string end) =>
        request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), Time("2025-06-01"), Time(end),
            RandomNumberGenerator.GetBytes(8));

    private static DateTimeOffset Time(string day) => DateTimeOffset.Parse(day + "T00:00:00Z",
        System.Globalization.CultureInfo.InvariantCulture);
}
