using System.Globalization;
using EstProv.Configuration.Secrets;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// A PKCS#11 URI (RFC 7512): what it says of the library, the slot, the token and the object, and where its PIN is. The PIN is never
/// part of <see cref="ToString"/> or of a message.
/// </summary>
internal sealed class Pkcs11Uri : IDisposable
{
    private const string Credential = "credential:"; // of systemd, systemd.exec(5) LoadCredential=
    private const string UnitCredentials = "/run/credentials/estprov-keyd.service";

    private readonly LockedSecret? _pin;
    private readonly string _text;

    private Pkcs11Uri(Pkcs11UriAttributes attributes, string text)
    {
        _text = text;
        LibraryManufacturer = attributes.TakeText("library-manufacturer");
        LibraryDescription = attributes.TakeText("library-description");
        LibraryVersion = attributes.TakeText("library-version");
        SlotManufacturer = attributes.TakeText("slot-manufacturer");
        SlotDescription = attributes.TakeText("slot-description");
        SlotId = attributes.TakeNumber("slot-id");
        Token = attributes.TakeText("token");
        Manufacturer = attributes.TakeText("manufacturer");
        Serial = attributes.TakeText("serial");
        Model = attributes.TakeText("model");
        Object = attributes.TakeText("object");
        Id = attributes.TakeBytes("id");
        Type = attributes.TakeText("type");
        ModuleName = attributes.TakeText("module-name");
        ModulePath = attributes.TakeText("module-path");
        var pinSource = attributes.TakeText("pin-source");
        _pin = attributes.TakeSecret();
        attributes.RefuseTheRest();

        if (_pin is not null && pinSource is not null) throw attributes.Bad("it has both pin-value and pin-source");
        if (pinSource is not null)
        {
            PinFile = PathOf(pinSource, out var why) ?? throw attributes.Bad(why);
        }

        if (Type is not (null or "private" or "public" or "cert" or "secret-key" or "data")) throw attributes.Bad($"its type '{Type}' is unknown");
    }

    public string? LibraryManufacturer { get; }

    public string? LibraryDescription { get; }

    public string? LibraryVersion { get; }

    public string? SlotManufacturer { get; }

    public string? SlotDescription { get; }

    public ulong? SlotId { get; }

    /// <summary>The token's label.</summary>
    public string? Token { get; }

    public string? Manufacturer { get; }

    public string? Serial { get; }

    public string? Model { get; }

    /// <summary>CKA_LABEL.</summary>
    public string? Object { get; }

    /// <summary>CKA_ID.</summary>
    public byte[]? Id { get; }

    /// <summary><c>private</c>, <c>public</c>, <c>cert</c>, <c>secret-key</c>, <c>data</c> or null.</summary>
    public string? Type { get; }

    public string? ModuleName { get; }

    public string? ModulePath { get; }

    /// <summary>The absolute path that <c>pin-source</c> names, as <c>file:/PATH</c>, a path, or <c>credential:NAME</c>.</summary>
    public string? PinFile { get; }

    public bool HasPin => _pin is not null || PinFile is not null;

    /// <summary>Whether it says which slot or token is meant.</summary>
    public bool NamesToken => SlotId is not null || Token is not null || Serial is not null || Manufacturer is not null || Model is not null
        || SlotDescription is not null || SlotManufacturer is not null;

    /// <param name="text">The whole URI.</param>
    /// <param name="where">The place in the configuration, for messages.</param>
    /// <param name="secrets">Of the configuration, in whose texts PINs have placeholders.</param>
    /// <exception cref="ProblemException"><c>bad_uri</c>.</exception>
    public static Pkcs11Uri Parse(string text, string where, CutSecrets? secrets = null) => new(Pkcs11UriAttributes.Parse(text, where, secrets, out var shown), shown);

    /// <summary>The PIN, which the caller disposes of; null when the URI has none.</summary>
    /// <exception cref="ProblemException"><c>pin_missing</c>: the file of <c>pin-source</c> cannot be read.</exception>
    public LockedSecret? ReadPin() => _pin?.Clone() ?? (PinFile is null ? null : PinSource.Read(PinFile));

    /// <summary>Zeroes the PIN.</summary>
    public void Dispose() => _pin?.Dispose();

    /// <summary>The URI as it was written, without its PIN.</summary>
    public override string ToString() => _text;

    private static string? PathOf(string source, out string why)
    {
        why = "its pin-source is none of file:/PATH, an absolute path, and credential:NAME";
        if (source.StartsWith(Credential, StringComparison.Ordinal))
        {
            var name = source[Credential.Length..];
            var folder = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY");
            // Whoever tries token or configuration by hand, as root or as the unit's user, means the unit's, which is there while it runs.
            if (string.IsNullOrEmpty(folder) && Directory.Exists(UnitCredentials)) folder = UnitCredentials;
            if (name.Length == 0 || name.Contains('/'))
            {
                why = "its pin-source has credential: without a plain name";
                return null;
            }

            why = "its pin-source is a credential, and CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with LoadCredential= or SetCredential=, "
                + "and estprov-keyd.service, whose credentials would be taken, does not run";
            return string.IsNullOrEmpty(folder) ? null : Path.Combine(folder, name);
        }

        var path = source;
        if (path.StartsWith("file:", StringComparison.Ordinal))
        {
            path = path[5..];
            if (path.StartsWith("//", StringComparison.Ordinal)) path = path[2..];
        }

        return path.StartsWith('/') ? path : null;
    }
}

/// <summary>The attributes of a PKCS#11 URI before they are given a meaning.</summary>
internal sealed class Pkcs11UriAttributes
{
    private const string Scheme = "pkcs11:";

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly string _where;
    private readonly CutSecrets? _secrets;
    private LockedSecret? _secret;

    private Pkcs11UriAttributes(string where, CutSecrets? secrets)
    {
        _where = where;
        _secrets = secrets;
    }

    /// <param name="shown">The URI without its PIN.</param>
    public static Pkcs11UriAttributes Parse(string text, string where, CutSecrets? secrets, out string shown)
    {
        var result = new Pkcs11UriAttributes(where, secrets);
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) throw result.Bad("it does not start with 'pkcs11:'");

        var rest = text.AsSpan(Scheme.Length);
        var question = rest.IndexOf('?');
        var path = question < 0 ? rest : rest[..question];
        result.Collect(path, ';', inQuery: false);
        if (question >= 0) result.Collect(rest[(question + 1)..], '&', inQuery: true);
        shown = string.Concat(Scheme, path);
        return result;
    }

    public string? TakeRaw(string name) => _values.Remove(name, out var value) ? value : null;

    public byte[]? TakeBytes(string name) => TakeRaw(name) is { } raw ? Decode(raw) : null;

    /// <summary>UTF-8.</summary>
    public string? TakeText(string name)
    {
        if (TakeBytes(name) is not { } bytes) return null;
        if (!System.Text.Unicode.Utf8.IsValid(bytes)) throw Bad($"its {name} is not UTF-8");
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    /// <summary><c>pin-value</c>.</summary>
    public LockedSecret? TakeSecret() => _secret;

    public ulong? TakeNumber(string name)
    {
        if (TakeRaw(name) is not { } raw) return null;
        return ulong.TryParse(raw, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Bad($"its {name} is not a decimal number");
    }

    public void RefuseTheRest()
    {
        foreach (var name in _values.Keys) throw Bad($"its attribute '{name}' is unknown");
    }

    /// <param name="what">Must not hold a value from the query: that is where the PIN is.</param>
    public ProblemException Bad(string what) => new("bad_uri", $"{_where}: this is not a PKCS#11 URI that can be used: {what}",
        "write it as pkcs11:token=LABEL;object=NAME?pin-value=PIN (RFC 7512), with %20 for a space", 400);

    /// <summary>Percent-decoding; null when a percent sign is not followed by two hexadecimal digits.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text)
    {
        var result = new byte[text.Length];
        var length = Decode(text, result);
        return length < 0 ? null : result[..length];
    }

    // ASCII, as has been checked.
    private static int Decode(ReadOnlySpan<char> text, Span<byte> result)
    {
        for (var i = 0; i < text.Length; i++) result[i] = (byte)text[i];
        return Decode(result[..text.Length], result);
    }

    /// <summary>Bytes written to <paramref name="result"/>, which is as long as the text and may be it; -1 when it is malformed.</summary>
    private static int Decode(ReadOnlySpan<byte> text, Span<byte> result)
    {
        var at = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                result[at++] = text[i];
                continue;
            }

            if (i + 2 >= text.Length || !char.IsAsciiHexDigit((char)text[i + 1]) || !char.IsAsciiHexDigit((char)text[i + 2])) return -1;
            result[at++] = byte.Parse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            i += 2;
        }

        return at;
    }

    private void Collect(ReadOnlySpan<char> part, char separator, bool inQuery)
    {
        if (part.IsEmpty) return;
        foreach (var range in part.Split(separator))
        {
            var attribute = part[range];
            var equals = attribute.IndexOf('=');
            if (equals <= 0) throw Bad(inQuery ? "a part of its query is not name=value" : $"'{Shorten(attribute)}' is not name=value");

            var name = attribute[..equals].ToString();
            var value = attribute[(equals + 1)..];
            foreach (var c in name)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) throw Bad("the name of an attribute has a character that is not allowed");
            }

            var isQueryAttribute = name is "pin-source" or "pin-value" or "module-name" or "module-path";
            if (isQueryAttribute && !inQuery) throw Bad($"{name} belongs behind the question mark");
            // Not by its name: behind an unescaped '&' it may be the rest of a PIN.
            if (!isQueryAttribute && inQuery) throw Bad("behind the question mark stands an attribute that does not belong there; a '&' in a PIN is written %26");
            if (name == "pin-value" && _secrets is not null && CutSecrets.IsPlaceholder(value))
            {
                TakeSecret(name, value);
                continue;
            }

            foreach (var c in value) CheckCharacter(name, c);
            if (name == "pin-value") KeepSecret(name, value);
            else if (Decode(value) is null) throw Malformed(name);
            else if (!_values.TryAdd(name, value.ToString())) throw Twice(name);
        }
    }

    private void CheckCharacter(string name, int c)
    {
        if (c is <= ' ' or >= '\x7F' or '"' or '#' or '<' or '>' or '\\' or '^' or '`' or '{' or '}') throw Bad($"the value of {name} has a character that must be percent-encoded");
    }

    private void TakeSecret(string name, ReadOnlySpan<char> placeholder)
    {
        var secret = _secrets!.Take(placeholder) ?? throw Bad("its PIN is not known");
        if (_secret is not null)
        {
            secret.Dispose();
            throw Twice(name);
        }

        _secret = secret;
        foreach (var c in secret.Span) CheckCharacter(name, c);
        // In its own place: it never grows.
        var length = Decode(secret.Span, secret.Span);
        if (length < 0) throw Malformed(name);
        secret.Truncate(length);
    }

    // It goes nowhere else on its way.
    private void KeepSecret(string name, ReadOnlySpan<char> value)
    {
        if (_secret is not null) throw Twice(name);
        var secret = new LockedSecret(value.Length);
        var length = Decode(value, secret.Span);
        if (length < 0) throw Malformed(name);
        secret.Truncate(length);
        _secret = secret;
    }

    private ProblemException Malformed(string name) => Bad($"the value of {name} has a '%' without two hexadecimal digits");

    private ProblemException Twice(string name) => Bad($"its attribute '{name}' stands there twice");

    private static string Shorten(ReadOnlySpan<char> text) => text.Length <= 40 ? text.ToString() : string.Concat(text[..40], "…");
}
