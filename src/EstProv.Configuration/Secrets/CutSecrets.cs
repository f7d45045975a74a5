using EstProv.Platform;

namespace EstProv.Configuration.Secrets;

/// <summary>
/// The PINs that stood in the files of a configuration (<c>pin-value</c> of RFC 7512). They are cut out before the text becomes strings, which nobody could
/// zero, and each has a placeholder in its place there: one character that counts the secrets, and any number that mean nothing.
/// </summary>
/// <remarks>The characters are private ones (U+E000 to U+F8FF), which no URI may have. Disposing of it zeroes what nobody has taken.</remarks>
public sealed class CutSecrets : IDisposable
{
    internal const char Filler = '\uF8FF';
    private const char First = '\uE000';
    private const int Most = 1000;

    private readonly List<LockedSecret?> _secrets = [];

    /// <summary>Whether a value of a URI is a placeholder, and nothing but that.</summary>
    public static bool IsPlaceholder(ReadOnlySpan<char> value) => value.Length > 0 && value[0] is >= First and < (char)(First + Most) && !value[1..].ContainsAnyExcept(Filler);

    /// <summary>The secret as it was written, percent-encoded UTF-8; the caller disposes of it. Null when it was taken before.</summary>
    /// <param name="placeholder">See <see cref="IsPlaceholder"/>.</param>
    public LockedSecret? Take(ReadOnlySpan<char> placeholder)
    {
        var index = placeholder[0] - First;
        if (index >= _secrets.Count) return null;
        var secret = _secrets[index];
        _secrets[index] = null;
        return secret;
    }

    /// <summary>Keeps a secret.</summary>
    /// <param name="utf8">Copied.</param>
    /// <returns>The first character of its placeholder; <see cref="Filler"/>, which makes none, when there are too many.</returns>
    internal char Add(ReadOnlySpan<byte> utf8)
    {
        if (_secrets.Count == Most) return Filler;
        var secret = new LockedSecret(utf8.Length);
        utf8.CopyTo(secret.Span);
        _secrets.Add(secret);
        return (char)(First + _secrets.Count - 1);
    }

    public void Dispose()
    {
        foreach (var secret in _secrets) secret?.Dispose();
        _secrets.Clear();
    }

    /// <summary>Nothing of the secrets.</summary>
    public override string ToString() => "(secrets)";
}
