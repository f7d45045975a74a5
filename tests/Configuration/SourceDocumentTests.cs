using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;

namespace EstProv.Configuration.Tests;

/// <summary>The three files of the operator's page that this product implements, byte for byte, with and without the page's indentation.</summary>
[TestFixture("")]
[TestFixture(".indented")]
internal sealed class SourceDocumentTests(string form)
{
    private string Document(string daemon) => Path.Combine(TestContext.CurrentContext.TestDirectory, "SourceDocument", daemon + form + ".toml");

    [Test]
    public void The_key_service_file_is_accepted()
    {
        var file = Document("keyd");
        var loaded = ConfigurationLoader.LoadKeyd(file, file + ".d", ConfigurationFolder.FindUser);
        Assert.That(loaded.Errors, Is.Empty);
        var keyd = loaded.Value!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(keyd.Pkcs11!.LibPath.Value, Is.EqualTo("/usr/lib/hardware-specific-pkcs11-library.so"));
            Assert.That(keyd.Pkcs11.BaseSlot.Value, Is.EqualTo("pkcs11:slot-id=0?pin-value=\uE000\uF8FF\uF8FF\uF8FF"));
            Assert.That(keyd.PreloadedKeys.Keys, Is.EqualTo(new[] { "bootstrap" }));
            Assert.That(keyd.PreloadedKeys["bootstrap"].Value, Is.EqualTo("pkcs11:slot-id=0;object=device%20id?pin-value=\uE001\uF8FF\uF8FF\uF8FF"));
            Assert.That(keyd.HomedirPath, Is.EqualTo("/var/lib/estprov/keyd"));
            Assert.That(keyd.MaxRequests, Is.EqualTo(10));
            Assert.That(keyd.Principals, Is.Empty);
        }
    }

    [Test]
    public void The_certificates_service_file_is_accepted()
    {
        var file = Document("certd");
        var loaded = ConfigurationLoader.LoadCertd(file, file + ".d", ConfigurationFolder.FindUser);
        Assert.That(loaded.ToTerminalText(), Is.Empty);
        var certd = loaded.Value!;
        var est = certd.Est!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(certd.HomedirPath, Is.EqualTo("/var/lib/iotedge/cs"));
            Assert.That(certd.Issuance.Keys, Is.EqualTo(new[] { "device-ca", "device-id", "module-id", "module-server" }));
            Assert.That(certd.Issuance.Values.Select(issuance => issuance.Method), Is.All.EqualTo(IssuanceMethod.Est));
            Assert.That(certd.Issuance["device-id"].KeyAlgorithm, Is.EqualTo("ec-p256"));
            Assert.That(est.Method, Is.EqualTo(EstAuthentication.X509));
            Assert.That(est.IdentityCert, Is.EqualTo("est-id"));
            Assert.That(est.IdentityPk, Is.EqualTo("est-id"));
            Assert.That(est.BootstrapIdentityCert, Is.EqualTo("bootstrap"));
            Assert.That(est.BootstrapIdentityPk, Is.EqualTo("bootstrap"));
            Assert.That(est.BootstrapUse, Is.EqualTo(BootstrapUse.Expired));
            Assert.That(est.TrustSystem, Is.False);
            Assert.That(est.TrustedCerts, Is.Null);
            Assert.That(est.Urls.ToDictionary(url => url.Key, url => url.Value.Value.ToString()), Is.EquivalentTo(new Dictionary<string, string>
            {
                ["default"] = "https://estendpoint.com/.well-known/est",
                ["est-id"] = "https://estendpoint.com/.well-known/est/est-id",
                ["device-id"] = "https://estendpoint.com/.well-known/est/device-id",
                ["device-ca"] = "https://estendpoint.com/.well-known/est/device-ca",
            }));
            Assert.That(certd.PreloadedFiles.ToDictionary(file => file.Key, file => file.Value.Value), Is.EquivalentTo(new Dictionary<string, string>
            {
                ["bootstrap"] = "/var/secrets/bootstrap.cer",
                ["est-ca"] = "/var/secrets/est-ca.cer",
            }));
            Assert.That(certd.PreloadedBundles["trust-bundle"].Value, Is.EqualTo(new[] { "est-ca" }));
        }
    }

    [Test]
    public void The_identity_service_file_is_accepted_and_its_placeholder_is_warned_of()
    {
        var file = Document("identityd");
        var loaded = ConfigurationLoader.LoadIdentityd(file, file + ".d", ConfigurationFolder.FindUser);
        Assert.That(loaded.Errors, Is.Empty);
        var provisioning = (DpsProvisioning)loaded.Value!.Provisioning;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(provisioning.ScopeId, Is.EqualTo("<ADD dps SCOPE ID HERE>"));
            Assert.That(provisioning.Authentication,
                Is.EqualTo(new CertificateAuthentication { CertificateId = "device-id", KeyId = "device-id" }));
            Assert.That(provisioning.RegistrationId, Is.Null);
            Assert.That(provisioning.TrustedCerts, Is.Null);
            Assert.That(provisioning.GlobalEndpoint.Value.ToString(), Is.EqualTo("https://global.azure-devices-provisioning.net/"));
            Assert.That(loaded.Warnings.Select(warning => warning.Message),
                Is.EqualTo(new[] { "provisioning.scope_id = \"<ADD dps SCOPE ID HERE>\" is still the placeholder" }));
        }
    }
}
