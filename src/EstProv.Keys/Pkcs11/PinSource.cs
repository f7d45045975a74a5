using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>The file that <c>pin-source</c> names: the PIN, and perhaps an end of line.</summary>
internal static class PinSource
{
    private const int Longest = 512;

    /// <summary>The PIN, which the caller disposes of.</summary>
    /// <exception cref="ProblemException"><c>pin_missing</c>.</exception>
    public static LockedSecret Read(string path)
    {
        var pin = new LockedSecret(Longest + 1);
        var whole = false;
        try
        {
            using (var file = File.OpenHandle(path)) pin.Truncate(RandomAccess.Read(file, pin.Span, 0));
            if (pin.Span.EndsWith("\n"u8)) pin.Truncate(pin.Length - 1);
            if (pin.Span.EndsWith("\r"u8)) pin.Truncate(pin.Length - 1);
            if (pin.Length == 0) throw Missing(path, "is empty");
            if (pin.Length > Longest) throw Missing(path, "is too long to be a PIN");
            whole = true;
            return pin;
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Missing(path, "does not exist");
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Missing(path, "cannot be read");
        }
        finally
        {
            if (!whole) pin.Dispose();
        }
    }

    private static ProblemException Missing(string path, string why) => new("pin_missing", $"the PIN's file {path} {why}",
        "pin-source names a file that holds the PIN and that the Key Service's user can read, or a credential of its unit (LoadCredential=)", 503);
}
