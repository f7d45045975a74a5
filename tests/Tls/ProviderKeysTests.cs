using System.Security.Authentication;
using System.Security.Cryptography;
using EstProv.Keys.Tls;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Tls.Tests;

public sealed class ProviderKeysTests
{
    private static readonly TestPki Pki = new();

    [TestCase("EC", SslProtocols.Tls12)]
    [TestCase("EC", SslProtocols.Tls13)]
    [TestCase("RSA", SslProtocols.Tls12)]
    [TestCase("RSA", SslProtocols.Tls13)]
    public async Task A_client_proves_a_key_that_stays_in_keyd_with_one_signature_and_one_read(string kind, SslProtocols protocol)
    {
        using var keyd = new FakeKeyd(NewKey(kind));
        using var keys = Keys(keyd);
        using var identity = keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", keyd.PublicKey));

        var seen = await Handshake.RunAsync(Pki, identity.Context, protocol);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(seen.ClientCertificate!.Subject, Is.EqualTo("CN=device-1"));
            Assert.That(seen.SentIssuers, Does.Contain("CN=Test Intermediate"), "the intermediate is sent along");
            Assert.That(seen.Protocol, Is.EqualTo(protocol));
            Assert.That(keyd.Signatures, Is.EqualTo(1));
            Assert.That(keyd.ProviderReads, Is.EqualTo(1));
        }
    }

    [Test]
    public void A_key_is_opened_once_however_many_certificates_use_it()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var keys = Keys(keyd);

        using var first = keys.Open(FakeKeyd.Handle, Pki.Chain("CN=first", keyd.PublicKey));
        using var second = keys.Open(FakeKeyd.Handle, Pki.Chain("CN=second", keyd.PublicKey));
        Assert.That(keyd.ProviderReads, Is.EqualTo(1));

        keys.Forget(FakeKeyd.Handle);
        using var third = keys.Open(FakeKeyd.Handle, Pki.Chain("CN=third", keyd.PublicKey));
        Assert.That(keyd.ProviderReads, Is.EqualTo(2));
    }

    [Test]
    public async Task An_identity_outlives_the_closing_of_its_key()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        var keys = Keys(keyd);
        using var identity = keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", keyd.PublicKey));
        keys.Dispose();

        var seen = await Handshake.RunAsync(Pki, identity.Context, SslProtocols.Tls13);

        Assert.That(seen.ClientCertificate!.Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public void A_certificate_for_another_key_is_refused_before_the_key_is_opened()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var keys = Keys(keyd);

        var problem = Assert.Throws<ProblemException>(() => keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", other.ExportSubjectPublicKeyInfo())));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(problem!.Code, Is.EqualTo("key_mismatch"));
            Assert.That(problem.Message, Does.Contain("CN=device-1"));
            Assert.That(keyd.ProviderReads, Is.Zero);
        }
    }

    [Test]
    public void A_missing_provider_is_named_with_its_path_and_what_to_do()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var keys = Keys(keyd, "/nonexistent/estprov.so");

        var problem = Assert.Throws<ProblemException>(() => keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", keyd.PublicKey)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(problem!.Code, Is.EqualTo("provider_missing"));
            Assert.That(problem.Message, Does.Contain("/nonexistent/estprov.so"));
            Assert.That(problem.Hint, Does.Contain("OPENSSL_MODULES"));
        }
    }

    [Test]
    public void A_provider_that_is_not_installed_is_named_with_the_folder_where_OpenSSL_looks()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var keys = Keys(keyd, "estprov-not-installed");

        var problem = Assert.Throws<ProblemException>(() => keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", keyd.PublicKey)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(problem!.Code, Is.EqualTo("provider_missing"));
            Assert.That(problem.Message, Does.Match("ossl-modules/estprov-not-installed.so$"));
        }
    }

    [Test]
    public void What_keyd_says_of_the_key_is_what_the_user_reads()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var keys = Keys(keyd);

        var problem = Assert.Throws<ProblemException>(() => keys.Open("v1.other", Pki.Chain("CN=device-1", keyd.PublicKey)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(problem!.Code, Is.EqualTo("key_not_found"));
            Assert.That(problem.Message, Is.EqualTo("there is no such key"));
        }
    }

    [Test]
    public void A_provider_that_cannot_reach_keyd_fails_and_does_not_hang()
    {
        using var keyd = new FakeKeyd(NewKey("EC"));
        using var keys = Keys(keyd, providerSocket: "/nonexistent/keyd.sock");

        var problem = Assert.Throws<ProblemException>(() => keys.Open(FakeKeyd.Handle, Pki.Chain("CN=device-1", keyd.PublicKey)));

        Assert.That(problem!.Code, Is.EqualTo("provider_failed"));
    }

    private static ProviderKeys Keys(FakeKeyd keyd, string? module = null, string? providerSocket = null) =>
        new(new LocalClient(keyd.SocketPath, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(10)), providerSocket ?? keyd.SocketPath, module ?? BuiltProvider.Path);

    private static AsymmetricAlgorithm NewKey(string kind) =>
        kind == "EC" ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(2048);
}
