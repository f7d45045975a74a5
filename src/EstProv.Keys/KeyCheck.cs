using System.Security.Cryptography;
using EstProv.Configuration.Keyd;
using EstProv.Keys.Client;
using EstProv.Keys.Index;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys;

/// <summary>
/// <c>--check</c>: tries the module, the slot, the login and every key, and says all that is wrong. Changes nothing but the note of a PIN that
/// was refused, so that neither this nor the daemon tries it again.
/// </summary>
internal static class KeyCheck
{
    /// <returns>Whether everything can be used.</returns>
    public static bool Run(KeydConfiguration configuration, Uris uris, DaemonContext context)
    {
        var home = configuration.HomedirPath;
        using var keys = new KeyComposition(configuration, uris, new PinMemory(StateFolder.PinsIn(home)), Path.Combine(home, "files"),
            context.Time, NullLogger.Instance);
        var valid = true;
        if (Fails(() => StateFolder.EnsureRoot(home)) || Fails(() => context.TakeOnUser(StateFolder.DaemonUser))) return false;
        if (keys.Token is { } token)
        {
            if (Fails(() => token.Connect())) return false;
            valid &= !Fails(token.Try);
        }

        // By the name that it has in keyd.toml: two may be for one token.
        foreach (var (id, source) in keys.Preloaded) valid &= !Fails(() => Try(source), $"preloaded_keys.{id}: ");

        var (records, problems) = new KeyIndex(Path.Combine(home, "keys")).Load();
        foreach (var problem in problems) valid = Say(problem);
        foreach (var record in records)
        {
            if (record.Secret is { } secret) valid &= !Fails(() => keys.Stores.Get(secret.Store, record.KeyId).OpenSecret(secret.Id, record.KeyId, secret.Usage).Probe());
            if (record.Current is not { } entry) continue;
            valid &= !Fails(() => TrySign(keys.Stores.Get(entry.Store, record.KeyId).Open(entry.Id, record.KeyId, entry.Public), $"key '{record.KeyId}'"));
        }

        return valid;
    }

    private static void Try(KeySource source)
    {
        if (source.IsSecret) SecretTrial.Run(source.LoadSecret(), source.Description);
        else TrySign(source.Load(), source.Description);
    }

    // A signature that verifies shows the right to sign, the mechanism, and that the public key belongs to the private one.
    private static void TrySign(StoredKey key, string name)
    {
        var digest = SHA256.HashData("estprov --check"u8);
        var signature = new byte[StoredKey.LongestSignature];
        var scheme = key.Public.Kind switch
        {
            KeyKind.Ec => SignatureScheme.Ecdsa,
            KeyKind.Rsa => SignatureScheme.RsaPkcs1,
            _ => SignatureScheme.EdDsa,
        };
        signature = signature[..key.Sign(scheme, DigestAlgorithm.Sha256, digest, signature)];
        if (FrameworkVerifier.Verify(key.Public, scheme, DigestAlgorithm.Sha256, digest, signature)) return;
        throw new ProblemException("key_mismatch", $"a signature of {name} does not verify: the public key beside it belongs to another key",
            "store the right public key (pkcs11-tool --write-object … --type pubkey)", 500);
    }

    /// <param name="whose">Before what is said of it.</param>
    private static bool Fails(Action action, string whose = "")
    {
        try
        {
            action();
            return false;
        }
        catch (ProblemException problem)
        {
            return !Say(whose.Length == 0 ? problem : new ProblemException(problem.Code, whose + problem.Message, problem.Hint, inner: problem));
        }
    }

    private static bool Say(ProblemException problem)
    {
        Console.Error.WriteLine(problem.ToTerminalText());
        return false;
    }
}
