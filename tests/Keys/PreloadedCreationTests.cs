using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>A key that the configuration preloads and that nobody has made yet is made where its URI says.</summary>
public sealed class PreloadedCreationTests
{
    private SoftHsm _token = null!;
    private KeydUnderTest _keyd = null!;

    [SetUp]
    public void Start()
    {
        _token = new SoftHsm();
        _keyd = new KeydUnderTest();
        _keyd.Configure($"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{_token.TokenUri}"

            [preloaded_keys]
            "bootstrap" = "pkcs11:token={_token.Label};object=device%20id?pin-value={SoftHsm.Pin}"
            "numbered" = "pkcs11:token={_token.Label};object=birth;id=%07%08?pin-value={SoftHsm.Pin}"
            "nameless" = "pkcs11:token={_token.Label};id=%09?pin-value={SoftHsm.Pin}"
            """);
        _keyd.Start();
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _token.Dispose();
    }

    [TestCase("ec-p256")]
    [TestCase("rsa-2048")]
    public void It_is_found_under_the_uri_afterwards_and_made_once(string algorithm)
    {
        Assert.That(_keyd.Client.FindKeyPair("bootstrap"), Is.Null);
        var made = _keyd.Client.CreateKeyPair("bootstrap", algorithm);
        Assert.That(_keyd.Client.CreateKeyPair("bootstrap", algorithm).SubjectPublicKeyInfo, Is.EqualTo(made.SubjectPublicKeyInfo));
        _keyd.Restart();
        var found = _keyd.Client.FindKeyPair("bootstrap")!;
        Assert.That(found.SubjectPublicKeyInfo, Is.EqualTo(made.SubjectPublicKeyInfo));
        Assert.That(_token.ListObjects().Split("Private Key Object"), Has.Length.EqualTo(2));
        Assert.That(_token.ListObjects(), Does.Contain("device id"));

        var digest = SHA256.HashData("x"u8);
        if (algorithm == "rsa-2048")
        {
            using var rsa = RSA.Create();
            rsa.ImportSubjectPublicKeyInfo(found.SubjectPublicKeyInfo, out _);
            Assert.That(rsa.VerifyHash(digest, _keyd.Client.SignDigest(found.Handle, SignatureScheme.RsaPkcs1, HashAlgorithmName.SHA256, digest),
                HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            return;
        }

        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(found.SubjectPublicKeyInfo, out _);
        Assert.That(key.VerifyHash(digest, _keyd.Client.SignDigest(found.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, digest),
            DSASignatureFormat.Rfc3279DerSequence));
    }

    [Test]
    public void It_gets_the_number_that_its_uri_has_and_keyd_never_destroys_it()
    {
        var made = _keyd.Client.CreateKeyPair("numbered", "ec-p256");
        Assert.That(_token.ListObjects(), Does.Contain("birth").And.Contain("0708"));
        var handle = System.Text.Encoding.UTF8.GetBytes($$"""{"keyHandle":"{{made.Handle}}"}""");
        var refused = Assert.Throws<ProblemException>(() => _keyd.Http.Send("DELETE", "/keypair?api-version=2021-05-01", handle, "application/json"))!;
        Assert.That(refused.Code, Is.EqualTo("key_preloaded"));
        Assert.That(_keyd.Client.FindKeyPair("numbered"), Is.Not.Null);
    }

    [Test]
    public void Without_a_label_it_is_refused()
    {
        var refused = Assert.Throws<ProblemException>(() => _keyd.Client.CreateKeyPair("nameless", "ec-p256"))!;
        _keyd.Shown("key_unnamed", refused);
        Assert.That(_token.ListObjects(), Does.Not.Contain("Private Key Object"));
    }
}
