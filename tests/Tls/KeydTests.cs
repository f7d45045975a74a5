using System.Security.Authentication;
using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Tests;
using EstProv.Keys.Tls;
using EstProv.Platform;

namespace EstProv.Tls.Tests;

/// <summary>The whole way, from SslStream through OpenSSL, the provider and the Key Service to a key in a SoftHSM2 token.</summary>
public sealed class KeydTests
{
    private static readonly TestPki Pki = new();
    private SoftHsm _token;
    private KeydUnderTest _keyd;

    [OneTimeSetUp]
    public void Start()
    {
        _token = new SoftHsm();
        _token.MakeKey("device id", "01");
        _keyd = new KeydUnderTest();
        _keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:token=edge;object=device%20id?pin-value=1234"
            """);
        _keyd.Start();
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _token.Dispose();
    }

    [TestCase("ec-p256", SslProtocols.Tls12)]
    [TestCase("ec-p256", SslProtocols.Tls13)]
    [TestCase("rsa-2048", SslProtocols.Tls12)]
    [TestCase("rsa-2048", SslProtocols.Tls13)]
    [TestCase("ec-p384", SslProtocols.Tls12)]
    [TestCase("ec-p384", SslProtocols.Tls13)]
    [TestCase("ec-p521", SslProtocols.Tls13)]
    [TestCase("rsa-3072", SslProtocols.Tls13)]
    [TestCase("rsa-4096", SslProtocols.Tls13)]
    public async Task A_client_authenticates_with_a_key_of_the_token(string algorithm, SslProtocols protocol)
    {
        var key = _keyd.Client.CreateKeyPair($"{algorithm}-{protocol}", algorithm);
        using var keys = Keys();
        await AssertAuthenticates(keys, key, "CN=device-1", protocol);
    }

    [Test]
    public async Task A_client_authenticates_with_the_preloaded_key()
    {
        using var keys = Keys();
        await AssertAuthenticates(keys, _keyd.Client.FindKeyPair("bootstrap")!, "CN=bootstrap", SslProtocols.Tls13);
    }

    [Test]
    public async Task An_opened_key_survives_a_restart_of_keyd()
    {
        var key = _keyd.Client.CreateKeyPair("restarted", "ec-p256");
        using var keys = Keys();
        using var identity = keys.Open(key.Handle, Pki.Chain("CN=device-1", key.SubjectPublicKeyInfo));
        _keyd.Restart();
        var seen = await Handshake.RunAsync(Pki, identity.Context, SslProtocols.Tls13);
        Assert.That(seen.ClientCertificate!.Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public async Task The_old_and_the_new_key_of_a_rotation_are_used_side_by_side()
    {
        var old = _keyd.Client.CreateKeyPair("rotated", "ec-p256");
        var next = _keyd.Client.StageNext("rotated", "ec-p256");
        using var keys = Keys();
        await AssertAuthenticates(keys, old, "CN=old", SslProtocols.Tls13);
        await AssertAuthenticates(keys, next, "CN=new", SslProtocols.Tls13);

        _keyd.Client.Promote("rotated", SHA256.HashData(next.SubjectPublicKeyInfo));
        await AssertAuthenticates(keys, old, "CN=old", SslProtocols.Tls13);
        await AssertAuthenticates(keys, next, "CN=new", SslProtocols.Tls13);

        _keyd.Client.RetirePrevious("rotated");
        keys.Forget(old.Handle);
        var problem = Assert.Throws<ProblemException>(() => keys.Open(old.Handle, Pki.Chain("CN=old", old.SubjectPublicKeyInfo)));
        Assert.That(problem!.Code, Is.EqualTo("key_not_found"));
    }

    private static async Task AssertAuthenticates(ProviderKeys keys, KeyReference key, string subject, SslProtocols protocol)
    {
        using var identity = keys.Open(key.Handle, Pki.Chain(subject, key.SubjectPublicKeyInfo));
        var seen = await Handshake.RunAsync(Pki, identity.Context, protocol);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(seen.ClientCertificate!.Subject, Is.EqualTo(subject));
            Assert.That(seen.Protocol, Is.EqualTo(protocol));
        }
    }

    private ProviderKeys Keys() => new(_keyd.Http, _keyd.Socket, BuiltProvider.Path);
}
