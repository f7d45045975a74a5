using System.Globalization;
using EstProv.Configuration;
using EstProv.Configuration.Keyd;
using EstProv.Keys.Client;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Stores;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.SelfTest;

/// <summary>
/// What the vendor's own token can do, on the target: every operation of the Key Service, its speed, and whether there is room for a rotation.
/// All that it makes has the label <c>estprov-selftest</c> and is destroyed again.
/// </summary>
public static class TokenSelfTest
{
    /// <returns>Whether a device can live with this token: a key pair can be generated, used, rotated and destroyed, and <c>--check</c> refuses nothing.</returns>
    /// <exception cref="ProblemException">The configuration or the token cannot be used at all.</exception>
    public static bool Run(DaemonContext context, TextWriter output)
    {
        var configuration = Load(context, out var uris);
        StateFolder.EnsureRoot(configuration.HomedirPath);
        context.TakeOnUser(StateFolder.DaemonUser);
        bool good;
        using (var keys = Open(configuration, uris, context))
        {
            if (keys.Token is { } token) Describe(token.Connect(), output);
            var store = keys.Stores.Primary;
            good = Operations(store, output);
            Line(output);
            Speed(store, KeyAlgorithm.EcP256, SignatureScheme.Ecdsa, context.Time, output);
            Speed(store, KeyAlgorithm.Rsa2048, SignatureScheme.RsaPkcs1, context.Time, output);
            good &= Rotation(store, output);
        }

        Line(output);
        var accepted = KeyCheck.Run(configuration, uris, context);
        Line(output, accepted ? "--check: nothing is refused" : "--check: refuses what stands above");
        return good & accepted;
    }

    private static KeydConfiguration Load(DaemonContext context, out Uris uris)
    {
        var loaded = ConfigurationLoader.LoadKeyd(context.ConfigFile, context.ConfigDir, Users.FindUser);
        if (loaded.Value is { } configuration && Uris.TryParse(configuration, out uris)) return configuration;
        Console.Error.Write(loaded.ToTerminalText());
        throw new ProblemException("bad_configuration", $"{context.ConfigFile} cannot be used",
            "correct what stands above; estprov config check says the same of all files at once");
    }

    private static KeyComposition Open(KeydConfiguration configuration, Uris uris, DaemonContext context) => new(configuration, uris,
        new PinMemory(StateFolder.PinsIn(configuration.HomedirPath)), Path.Combine(configuration.HomedirPath, "files"), context.Time, NullLogger.Instance);

    private static void Describe(TokenFacts facts, TextWriter output)
    {
        Line(output, $"{facts.Description}: {facts.Manufacturer} {facts.Model}, serial {facts.Serial}");
        Line(output, facts.MostSessions is > 0 and < int.MaxValue ? $"sessions: {facts.MostSessions} at most" : "sessions: no limit told");
        Line(output);
    }

    private static bool Operations(IKeyStore store, TextWriter output)
    {
        var pairs = 0;
        foreach (var operation in StoreOperation.All)
        {
            var problem = ProblemOf(() => operation.Try(store, FrameworkVerifier.Verify));
            Line(output, $"{operation.Name,-40} {(problem is null ? "yes" : problem.Code == "mechanism_missing" ? "no" : $"FAILED: {problem.Message}")}");
            if (problem is null && operation.MakesIdentities) pairs++;
        }

        if (pairs == 0) Line(output, "no kind of key pair that a device could have works");
        return pairs > 0;
    }

    private static void Speed(IKeyStore store, KeyAlgorithm algorithm, SignatureScheme scheme, TimeProvider time, TextWriter output)
    {
        const int Signatures = 100;
        var id = StorageId.Random();
        var problem = ProblemOf(() =>
        {
            var start = time.GetTimestamp();
            var key = store.Generate(id, OperationSteps.KeyId, algorithm);
            var generated = time.GetElapsedTime(start);
            var signature = new byte[StoredKey.LongestSignature];
            start = time.GetTimestamp();
            for (var i = 0; i < Signatures; i++) key.Sign(scheme, DigestAlgorithm.Sha256, new byte[32], signature);
            var rate = Signatures / time.GetElapsedTime(start).TotalSeconds;
            Line(output, $"{algorithm.Name()}: a key pair in {Number(generated.TotalMilliseconds)} ms, {Number(rate)} signatures a second, one after the other");
        });
        if (problem is not null) Line(output, $"{algorithm.Name()}: {problem.Message}");
        _ = ProblemOf(() => store.Destroy(id));
    }

    // The most that keyd ever holds of one key id: the current pair and the staged one; a rotation that begins before the last was cleared up has the previous one besides.
    private static bool Rotation(IKeyStore store, TextWriter output)
    {
        const int Pairs = 3;
        var made = new List<StorageId>();
        ProblemException? problem = null;
        foreach (var algorithm in (KeyAlgorithm[])[KeyAlgorithm.EcP256, KeyAlgorithm.Rsa2048])
        {
            problem = ProblemOf(() =>
            {
                while (made.Count < Pairs)
                {
                    var id = StorageId.Random();
                    store.Generate(id, OperationSteps.KeyId, algorithm);
                    made.Add(id);
                }
            });
            if (problem?.Code != "mechanism_missing") break;
        }

        Line(output, $"a rotation's peak: {Pairs} key pairs of one id, which are {2 * Pairs} objects; "
            + (problem is null ? "there is room" : $"{made.Count} fitted: {problem.Message}"));
        var enough = made.Count >= Pairs - 1;
        if (!enough) Line(output, "hint: delete objects from the token, or keys cannot be renewed");
        foreach (var id in made)
        {
            if (ProblemOf(() => store.Destroy(id)) is not { } kept) continue;
            Line(output, $"destroying a key pair: {kept.Message}; objects labelled {OperationSteps.KeyId} stay in the token");
            return false;
        }

        return enough;
    }

    private static ProblemException? ProblemOf(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (ProblemException problem)
        {
            return problem;
        }
    }

    private static string Number(double value) => value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static void Line(TextWriter output, string text = "")
    {
        output.Write(text);
        output.Write('\n');
        output.Flush();
    }
}
