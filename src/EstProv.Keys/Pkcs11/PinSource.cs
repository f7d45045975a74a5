using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>The file that <c>pin-source</c> names: the PIN, and perhaps an end of line.</summary>
internal static class PinSource
{
    private const int Longest = 512;

    /// <summary>The PIN in a fresh array, which the caller zeroes.</summary>
    /// <exception cref="ProblemException"><c>pin_missing</c>.</exception>
    public static byte[] Read(string path)
    {
        Span<byte> buffer = stackalloc byte[Longest + 1];
        try
        {
            int length;
            using (var file = File.OpenHandle(path)) length = RandomAccess.Read(file, buffer, 0);
            var pin = buffer[..length];
            if (pin.EndsWith("\n"u8)) pin = pin[..^1];
            if (pin.EndsWith("\r"u8)) pin = pin[..^1];
            if (pin.IsEmpty) throw Missing(path, "is empty");
            if (pin.Length > Longest) throw Missing(path, "is too long to be a PIN");
            return pin.ToArray();
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
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    private static ProblemException Missing(string path, string why) => new("pin_missing", $"the PIN's file {path} {why}",
        "pin-source names a file that holds the PIN and that the Key Service's user can read", 503);
}
