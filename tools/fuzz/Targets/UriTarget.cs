using System.Text;
using EstProv.Configuration.Secrets;
using EstProv.Keys.Pkcs11;
using EstProv.Platform;

namespace EstProv.Fuzz.Targets;

/// <summary>PKCS#11 URIs (RFC 7512), as they stand in a configuration.</summary>
internal sealed class UriTarget : FuzzTarget
{
    // Looked for in whatever is shown: it stands in the corpus as a PIN, and nowhere else.
    private const string Pin = "7315";

    public override IReadOnlyList<string> Words =>
    [
        "pkcs11:", "library-manufacturer=", "library-description=", "library-version=", "slot-manufacturer=", "slot-description=", "slot-id=", "token=",
        "manufacturer=", "serial=", "model=", "object=", "id=", "type=", "private", "public", "cert", "secret-key", "data", "module-name=", "module-path=",
        "pin-value=", "pin-source=", "file:", "file://", "/", "?", "&", ";", "%20", "%00", "%C3%A9", "%FF", "18446744073709551615", "18446744073709551616", Pin,
    ];

    public override int LongestInput => 1024;

    public override void Execute(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        CheckCut(text);
        Pkcs11Uri uri;
        try
        {
            uri = Pkcs11Uri.Parse(text, "keyd.toml:1:1");
        }
        catch (ProblemException problem)
        {
            Promise(problem.Code == "bad_uri", "a URI is refused with bad_uri");
            var query = text.IndexOf('?', StringComparison.Ordinal);
            Promise(query < 0 || text.IndexOf(Pin, StringComparison.Ordinal) < query || !problem.Message.Contains(Pin, StringComparison.Ordinal), "a refusal shows nothing of the query");
            return;
        }

        var shown = uri.ToString();
        Promise(!shown.Contains('?', StringComparison.Ordinal) && text.StartsWith(shown, StringComparison.OrdinalIgnoreCase), "what is shown is the part before the query");
        Promise(uri.PinFile is null || uri.PinFile.StartsWith('/'), "the PIN's file has an absolute path");
        if (uri.PinFile is null && uri.ReadPin() is { } pin)
        {
            Promise(uri.HasPin, "a PIN that can be read is there");
            Promise(pin.Length <= text.Length, "a decoded PIN is not longer than its URI");
        }

        uri.Dispose();
        var again = Pkcs11Uri.Parse(shown, "keyd.toml:1:1");
        Promise(again.Token == uri.Token && again.SlotId == uri.SlotId && again.Object == uri.Object && again.NamesToken == uri.NamesToken
            && (again.Id ?? []).AsSpan().SequenceEqual(uri.Id ?? []), "what is shown means the same");
    }

    // As a string of a configuration, whose PIN is cut out before: the same URI with the same PIN, or refused as well.
    private static void CheckCut(string text)
    {
        if (text.AsSpan().ContainsAny('"', '\\', '\n')) return;
        // Within the value of something else it is taken for a PIN all the same, and the URI is refused then.
        for (var at = 0; (at = text.IndexOf("pin-value=", at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            var query = text.IndexOf('?', StringComparison.Ordinal);
            if (at == 0 || query < 0 || query >= at || text[at - 1] != '&' && query != at - 1) return;
        }

        using var secrets = new CutSecrets();
        var quoted = $"\"{text}\"".ToCharArray();
        SecretCutter.Run(quoted, secrets);
        using var whole = TryParse(text, null);
        using var cut = TryParse(new string(quoted.AsSpan(1, quoted.Length - 2)), secrets);
        Promise(whole is null == cut is null, "with its PIN or without, a URI can be used or not");
        if (whole is null || whole.PinFile is not null) return;
        using var expected = whole.ReadPin();
        using var pin = cut!.ReadPin();
        Promise(expected is null == pin is null && (expected is null || expected.Span.SequenceEqual(pin!.Span)), "the PIN is the same");
    }

    private static Pkcs11Uri? TryParse(string text, CutSecrets? secrets)
    {
        try
        {
            return Pkcs11Uri.Parse(text, "keyd.toml:1:1", secrets);
        }
        catch (ProblemException)
        {
            return null;
        }
    }
}
