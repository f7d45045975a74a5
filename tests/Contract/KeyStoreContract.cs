using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Contract.Tests;

/// <summary>What every key store has to do alike. What they may lack is in <see cref="StoreOperation"/>.</summary>
[TestFixtureSource(typeof(StoreRegistry), nameof(StoreRegistry.Names))]
public sealed class KeyStoreContract(string name)
{
    private StoreUnderTest _under;

    private IKeyStore Store => _under.Store;

    [OneTimeSetUp]
    public void Open()
    {
        _under = StoreRegistry.Make(name);
        _under.Restart();
    }

    [OneTimeTearDown]
    public void Close() => _under.Dispose();

    [Test]
    public void Two_pairs_of_one_key_id_are_told_apart()
    {
        var old = Store.Generate(StorageId.Random(), "est-id", KeyAlgorithm.EcP256);
        var next = Store.Generate(StorageId.Random(), "est-id", KeyAlgorithm.EcP256);
        Assert.That(old.Public.Sha256, Is.Not.EqualTo(next.Public.Sha256));
        AssertSigns(old, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256);
        AssertSigns(next, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256);
    }

    [TestCase("../../etc/passwd")]
    [TestCase("a b%20c;d?e")]
    [TestCase("gerät\u2028")]
    [TestCase(".")]
    public void Any_key_id_is_safe(string keyId)
    {
        var id = StorageId.Random();
        AssertSigns(Store.Generate(id, keyId, KeyAlgorithm.EcP256), SignatureScheme.Ecdsa, DigestAlgorithm.Sha256);
        Store.Destroy(id);
    }

    [Test]
    public void A_key_is_there_after_a_restart()
    {
        var id = StorageId.Random();
        var before = Store.Generate(id, "device-ca", KeyAlgorithm.EcP256).Public;
        _under.Restart();
        AssertSigns(Store.Open(id, "device-ca", before), SignatureScheme.Ecdsa, DigestAlgorithm.Sha256);
    }

    [Test]
    public void A_destroyed_key_is_not_found_again()
    {
        var id = StorageId.Random();
        var kept = Store.Generate(StorageId.Random(), "device-id", KeyAlgorithm.EcP256);
        var key = Store.Generate(id, "device-id", KeyAlgorithm.EcP256);
        Store.Destroy(id);
        AssertRefuses(Store.Open(id, "device-id", key.Public), "key_not_found");
        AssertSigns(kept, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256);
    }

    [Test]
    public void Destroying_what_is_not_there_is_no_error() => Assert.DoesNotThrow(() => Store.Destroy(StorageId.Random()));

    [Test]
    public void A_key_that_was_never_made_is_not_found()
    {
        var other = Store.Generate(StorageId.Random(), "device-id", KeyAlgorithm.EcP256);
        AssertRefuses(Store.Open(StorageId.Random(), "device-id", other.Public), "key_not_found");
    }

    [Test]
    public void Eight_threads_sign_at_once_with_two_keys()
    {
        var keys = new[]
        {
            Store.Generate(StorageId.Random(), "a", KeyAlgorithm.EcP256),
            Store.Generate(StorageId.Random(), "b", KeyAlgorithm.EcP256),
        };
        var wrong = 0;
        var threads = Enumerable.Range(0, 8).Select(number => new Thread(() =>
        {
            var key = keys[number % 2];
            for (var i = 0; i < 50; i++)
            {
                var digest = Signatures.Digest(DigestAlgorithm.Sha256, $"{number} {i}");
                var signature = Signatures.Sign(key, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, digest);
                if (!Signatures.Verify(key.Public.Spki, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, digest, signature)) Interlocked.Increment(ref wrong);
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.That(wrong, Is.Zero);
    }

    private static void AssertSigns(StoredKey key, SignatureScheme scheme, DigestAlgorithm hash)
    {
        var digest = Signatures.Digest(hash, "message");
        var signature = Signatures.Sign(key, scheme, hash, digest);
        Assert.That(Signatures.Verify(key.Public.Spki, scheme, hash, digest, signature), $"{scheme} {hash}");
    }

    private static void AssertRefuses(StoredKey key, string code)
    {
        var problem = Assert.Throws<ProblemException>(() =>
            Signatures.Sign(key, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, Signatures.Digest(DigestAlgorithm.Sha256, "message")));
        Assert.That(problem.Code, Is.EqualTo(code));
    }
}
