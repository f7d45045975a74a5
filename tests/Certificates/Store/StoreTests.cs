using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Store;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Contract.Tests.Stores;
using EstProv.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Certificates.Tests.Store;

public sealed class StoreTests
{
    private static readonly string LeafPem = SelfSigned("CN=device-1, O=\"with, comma\"").ExportCertificatePem();

    private static X509Certificate2 Leaf => X509Certificate2.CreateFromPem(LeafPem);

    [Test]
    public void What_was_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        var certificate = Known("device-id") with { Url = "https://h/.well-known/est", Credential = "est-id", RequestedName = "a\nb\\c", Spread = 0.123456789, ProvedByCaller = true };
        var store = new CertificateStore(folder.Path, NullLogger.Instance);
        store.WriteStaged(certificate);

        Assert.That(store.LoadStaged(), Is.EqualTo(new[] { certificate }));
        Assert.That(store.LoadCommitted(), Is.Empty);
        store.Commit("device-id");
        Assert.That(store.LoadStaged(), Is.Empty);
        Assert.That(store.LoadCommitted(), Is.EqualTo(new[] { certificate }));
    }

    [Test]
    public void Files_are_for_their_owner_and_openssl_reads_them()
    {
        using var folder = new TemporaryFolder();
        new CertificateStore(folder.Path, NullLogger.Instance).WriteCommitted(Known("device-id"));
        var file = Path.Combine(folder["certs"], "device-id.cert");

        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        using var openssl = Process.Start(new ProcessStartInfo("openssl", ["x509", "-noout", "-subject", "-in", file]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        Assert.That(openssl.StandardOutput.ReadToEnd(), Does.Contain("device-1"));
    }

    [TestCase("")]
    [TestCase("EstProv-File: 1\nId: x\nEnd-Of-File\n")]
    [TestCase("EstProv-File: 1\nId: x\n")]
    [TestCase("EstProv-File: 2\nEnd-Of-File\n")]
    public void A_damaged_file_is_left_where_it_is_and_counts_as_absent(string content)
    {
        using var folder = new TemporaryFolder();
        var store = new CertificateStore(folder.Path, NullLogger.Instance);
        store.WriteCommitted(Known("good"));
        var bad = Path.Combine(folder["certs"], "bad.cert");
        File.WriteAllText(bad, content);

        Assert.That(store.LoadCommitted().Select(certificate => certificate.Id), Is.EqualTo(new[] { "good" }));
        Assert.That(File.Exists(bad), Is.True);
    }

    [Test]
    public void A_file_torn_at_any_byte_counts_as_absent()
    {
        var whole = Known("device-id").ToFile();
        for (var length = 0; length < whole.Length; length++)
        {
            var torn = Encoding.UTF8.GetString(whole, 0, length);
            void Read() => StoredCertificate.FromFile("/var/lib/estprov/certd/certs/device-id.cert", torn);
            Message.Shown("store_damaged", Assert.Throws<ProblemException>(Read)!);
        }
    }

    [Test]
    public void Distinct_ids_have_distinct_and_harmless_file_names()
    {
        string[] ids = ["a", "A", "a/b", "a%2Fb", "..", ".", ".hidden", "a.b", "ä", "aziot-edged/module/$edgeAgent:server", new('x', 500), new('x', 501), "a\0b", " "];
        var names = ids.Select(SafeFileName.Of).ToList();
        Assert.That(names.Distinct().Count(), Is.EqualTo(ids.Length));
        foreach (var name in names)
        {
            Assert.That(name, Does.Match("^[A-Za-z0-9_%-][A-Za-z0-9_.%-]*$"));
            Assert.That(name, Has.Length.LessThan(200));
        }
    }

    [Test]
    public void Of_a_file_with_a_private_key_the_certificates_alone_are_taken()
    {
        using var key = ECDsa.Create();
        var text = key.ExportPkcs8PrivateKeyPem() + "\nBag Attributes\n" + Leaf.ExportCertificatePem() + "\n";
        Assert.That(PemText.CertificatesOf(Encoding.UTF8.GetBytes(text)), Is.EqualTo(Leaf.ExportCertificatePem() + "\n"));
        Assert.That(PemText.CertificatesOf(Leaf.RawData), Is.EqualTo(Leaf.ExportCertificatePem() + "\n"), "one certificate in DER");
        Assert.That(PemText.CertificatesOf("nothing"u8), Is.Empty);
    }

    [Test]
    public void Bundles_are_resolved_through_bundles_and_live_with_a_missing_member()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["one.pem"], Leaf.ExportCertificatePem());
        Positioned<T> At<T>(T value) => new(value, new Position("certd.toml", 3, 4));
        var preloaded = new PreloadedCertificates(
            new CertdConfiguration
            {
                HomedirPath = folder.Path,
                MaxRequests = 1,
                Issuance = new Dictionary<string, CertificateIssuance>(),
                PreloadedFiles = new Dictionary<string, Positioned<string>> { ["one"] = At(folder["one.pem"]), ["gone"] = At(folder["gone.pem"]) },
                PreloadedBundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>
                {
                    ["inner"] = At<IReadOnlyList<string>>(["one", "gone", "outer"]),
                    ["outer"] = At<IReadOnlyList<string>>(["inner", "one", "stored"]),
                    ["broken"] = At<IReadOnlyList<string>>(["gone"]),
                },
                Principals = [],
            },
            NullLogger.Instance);
        var stored = SelfSigned("CN=stored").ExportCertificatePem() + "\n";

        Assert.That(PemText.Parse(preloaded.ReadBundle("outer", id => id == "stored" ? stored : null)).Select(c => c.Subject), Is.EqualTo(new[] { Leaf.Subject, "CN=stored" }));
        var problem = Assert.Throws<ProblemException>(() => preloaded.ReadBundle("broken", _ => null))!;
        Assert.That(problem.Code, Is.EqualTo("preloaded_missing"));
        Assert.That(problem.Message, Does.Contain("certd.toml:3:4").And.Contain("gone.pem"));
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_a_clear_problem()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        Message.Shown("file_permission-store",
            Assert.Throws<ProblemException>(() => new CertificateStore(folder["file"], NullLogger.Instance))!,
            (folder["file"], "/var/lib/estprov/certd"));
    }

    private static StoredCertificate Known(string id) =>
        CertificateFacts.Describe(id, StoredKind.Credential, Leaf, Leaf.ExportCertificatePem() + "\n", new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero), 0.5) with { KeyId = id };

    private static X509Certificate2 SelfSigned(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest(subject, key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }
}
