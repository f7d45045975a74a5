using System.Security.Cryptography;
using EstProv.Configuration;
using EstProv.Configuration.Keyd;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Authorization;
using EstProv.Keys.Client;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>The Key Service behind its routes, with a clock of its own. The module is loaded at the first request.</summary>
internal sealed class ServiceUnderTest : IDisposable
{
    private static readonly Caller s_caller = new(1, 1);
    private static readonly byte[] s_digest = SHA256.HashData("m"u8);

    private readonly KeyComposition _keys;
    private readonly KeyService _service;

    /// <param name="slot">base_slot.</param>
    /// <param name="bootstrap">The URI of the preloaded key <c>bootstrap</c>.</param>
    public ServiceUnderTest(string home, string slot, string bootstrap, TimeProvider time)
    {
        var folder = new StateFolder(home);
        folder.Prepare();
        var configuration = new KeydConfiguration
        {
            HomedirPath = home,
            MaxRequests = 1,
            Pkcs11 = new Pkcs11Configuration { LibPath = Here(FaultyModule.Module), BaseSlot = Here(slot) },
            PreloadedKeys = new Dictionary<string, Positioned<string>>(StringComparer.Ordinal) { ["bootstrap"] = Here(bootstrap) },
            Principals = [new KeyPrincipal { Uid = s_caller.Uid, Keys = ["*"], Rights = KeyRights.Use | KeyRights.Generate | KeyRights.Delete }],
        };
        Assert.That(Uris.TryParse(configuration, out var uris));
        _keys = new KeyComposition(configuration, uris, new PinMemory(folder.Pins), folder.Files, time, NullLogger.Instance);
        _service = new KeyService(_keys.Stores, new KeyIndex(folder.Index), new HandleSealer(new HandleKey(folder, NullLogger.Instance)),
            new Authorizer(configuration.Principals, time, NullLogger.Instance), _keys.Preloaded, NullLogger.Instance);
    }

    /// <summary>The public key of an id, found in the token.</summary>
    public byte[] Find(string id) => _service.Public(s_caller, id, _service.Public(s_caller, id, []).Sha256).Spki;

    public void Sign(string id)
    {
        var handle = _service.Find(s_caller, id);
        var signature = new byte[StoredKey.LongestSignature];
        var length = _service.Sign(s_caller, handle, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, s_digest, signature);
        Assert.That(Signatures.Verify(_service.Public(s_caller, id, []).Spki, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, s_digest, signature[..length]));
    }

    public void Create(string id, string algorithm = "ec-p256") => _service.Create(s_caller, id, algorithm);

    public void Stage(string id) => _service.StageNext(s_caller, id, "ec-p256");

    public void Discard(string id) => _service.DiscardNext(s_caller, id);

    public void Delete(string id) => _service.Delete(s_caller, _service.Find(s_caller, id));

    /// <summary>A symmetric key for everything.</summary>
    public void CreateSecret(string id, byte[]? value = null) =>
        _service.CreateSecret(s_caller, id, SecretUsage.Derive | SecretUsage.Sign | SecretUsage.Encrypt, value ?? []);

    public void DeleteSecret(string id) => _service.DeleteSecret(s_caller, _service.FindSecret(s_caller, id));

    public byte[] Mac(string id)
    {
        var mac = new byte[StoredSecret.Length];
        _service.Mac(s_caller, _service.FindSecret(s_caller, id), s_digest, mac);
        return mac;
    }

    public byte[] Encrypt(string id)
    {
        var output = new byte[s_digest.Length + KeyService.SealedOverhead];
        _service.Encrypt(s_caller, _service.FindSecret(s_caller, id), "twelve bytes"u8, [], s_digest, output);
        return output;
    }

    /// <summary>Opens what <see cref="Encrypt"/> made.</summary>
    public void Decrypt(string id, byte[] sealedText) =>
        Assert.That(_service.Decrypt(s_caller, _service.FindSecret(s_caller, id), "twelve bytes"u8, [], sealedText), Is.EqualTo(s_digest));

    public void DecryptOaep(string id)
    {
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(_service.Public(s_caller, id, []).Spki, out _);
        var plaintext = new byte[StoredKey.LongestSignature];
        var length = _service.DecryptOaep(s_caller, _service.Find(s_caller, id), HashAlgorithmName.SHA1, rsa.Encrypt(s_digest, RSAEncryptionPadding.OaepSHA1), plaintext);
        Assert.That(plaintext[..length], Is.EqualTo(s_digest));
    }

    /// <summary>Ends all unfinished work.</summary>
    public void Settle() => _service.Settle();

    public void Dispose() => _keys.Dispose();

    private static Positioned<string> Here(string text) => new(text, new Position("keyd.toml", 1, 1));
}
