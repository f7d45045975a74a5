using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>For tests of the daemon on a SoftHSM2 token with the label <c>edge</c>, behind a module that can be made to fail.</summary>
public abstract class FaultyTokenFixture
{
    private protected SoftHsm Token { get; private set; } = null!;

    private protected FaultyModule Faults { get; private set; } = null!;

    private protected KeydUnderTest Keyd { get; private set; } = null!;

    [SetUp]
    public void MakeToken()
    {
        Token = new SoftHsm();
        Faults = new FaultyModule();
        Keyd = new KeydUnderTest();
        Configure(Token.TokenUri);
    }

    [TearDown]
    public void RemoveToken()
    {
        // A call that hangs would keep the daemon from its end.
        Faults.Release();
        Keyd.Dispose();
        Faults.Dispose();
        Token.Dispose();
    }

    /// <param name="slot">base_slot.</param>
    /// <param name="key">The URI of the preloaded key <c>bootstrap</c>; empty for none.</param>
    /// <param name="module">lib_path; the faulty module where none is given.</param>
    private protected void Configure(string slot, string key = "", string? module = null) => Keyd.Configure($"""
        [pkcs11]
        lib_path = "{module ?? FaultyModule.Module}"
        base_slot = "{slot}"
        {(key.Length == 0 ? "" : $"[preloaded_keys]\nbootstrap = \"{key}\"")}
        """);

    /// <summary>Signs a digest and verifies the signature.</summary>
    private protected void AssertSigns(KeyReference key, SignatureScheme scheme = SignatureScheme.Ecdsa, DigestAlgorithm hash = DigestAlgorithm.Sha256)
    {
        var digest = Signatures.Digest(hash, "m");
        Assert.That(Signatures.Verify(key.SubjectPublicKeyInfo, scheme, hash, digest, Keyd.Client.SignDigest(key.Handle, scheme, hash.Name(), digest)));
    }

    /// <summary>For a thread of its own, of a call that is made to hang: whether it ends well is not what is looked at.</summary>
    private protected void TrySign(KeyReference key)
    {
        try
        {
            Sign(key.Handle);
        }
        catch (ProblemException problem)
        {
            TestContext.Out.WriteLine(problem.Code);
        }
    }

    private protected byte[] Sign(string handle) => Keyd.Client.SignDigest(handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, SHA256.HashData("m"u8));
}
