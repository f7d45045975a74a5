using EstProv.Configuration.Keyd;
using EstProv.Configuration.Secrets;
using EstProv.Keys.Pkcs11;
using EstProv.Platform;

namespace EstProv.Keys;

/// <summary>The PKCS#11 URIs of a configuration, parsed.</summary>
/// <param name="BaseSlot">Null without <c>[pkcs11]</c>.</param>
/// <param name="Preloaded">By key id; with the place in the configuration.</param>
internal sealed record Uris(Pkcs11Uri? BaseSlot, IReadOnlyDictionary<string, (Pkcs11Uri Uri, string Where)> Preloaded) : IDisposable
{
    /// <summary>Parses them all, and takes their PINs out of the configuration; each error goes to standard error.</summary>
    public static bool TryParse(KeydConfiguration configuration, out Uris uris)
    {
        var valid = true;
        Pkcs11Uri? baseSlot = null;
        if (configuration.Pkcs11 is { } token)
        {
            valid &= TryParse(token.BaseSlot.Value, token.BaseSlot.Position.ToString(), configuration.Secrets, out baseSlot);
            if (baseSlot is { NamesToken: false })
            {
                valid = Say(new ProblemException("bad_uri", $"{token.BaseSlot.Position}: base_slot names no slot and no token",
                    "write pkcs11:token=LABEL or pkcs11:slot-id=NUMBER"));
            }
        }

        var preloaded = new Dictionary<string, (Pkcs11Uri, string)>(StringComparer.Ordinal);
        foreach (var (id, text) in configuration.PreloadedKeys)
        {
            var where = text.Position.ToString();
            if (!TryParse(text.Value, where, configuration.Secrets, out var uri))
            {
                valid = false;
                continue;
            }

            preloaded[id] = (uri!, where);
            try
            {
                Pkcs11KeySource.Check(uri!, where);
            }
            catch (ProblemException problem)
            {
                valid = Say(problem);
            }
        }

        uris = new Uris(baseSlot, preloaded);
        return valid;
    }

    /// <summary>Zeroes the PINs.</summary>
    public void Dispose()
    {
        BaseSlot?.Dispose();
        foreach (var (uri, _) in Preloaded.Values) uri.Dispose();
    }

    private static bool TryParse(string text, string where, CutSecrets secrets, out Pkcs11Uri? uri)
    {
        try
        {
            uri = Pkcs11Uri.Parse(text, where, secrets);
            return true;
        }
        catch (ProblemException problem)
        {
            uri = null;
            return Say(problem);
        }
    }

    private static bool Say(ProblemException problem)
    {
        Console.Error.WriteLine(problem.ToTerminalText());
        return false;
    }
}
