using System.Text;
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

        var again = Pkcs11Uri.Parse(shown, "keyd.toml:1:1");
        Promise(again.Token == uri.Token && again.SlotId == uri.SlotId && again.Object == uri.Object && again.NamesToken == uri.NamesToken
            && (again.Id ?? []).AsSpan().SequenceEqual(uri.Id ?? []), "what is shown means the same");
    }
}
