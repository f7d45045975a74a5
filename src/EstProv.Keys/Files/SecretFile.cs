using System.Security.Cryptography;
using System.Text;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>A symmetric key in a PEM file: <c>BEGIN SYMMETRIC KEY</c>, the bare bytes, with the key id in front as explanatory text.</summary>
internal static class SecretFile
{
    private const string Label = "SYMMETRIC KEY";
    private const int Largest = 16 * 1024;

    public static void Write(string path, string keyId, SecretUsage usage, ReadOnlySpan<byte> key)
    {
        var file = PemFile.Encode($"Key {Uri.EscapeDataString(keyId)} ({usage.Text()})", Label, key);
        try
        {
            AtomicFile.Write(path, file);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
        }
    }

    /// <returns>In memory that is not moved, so that no copy of it stays behind.</returns>
    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_file</c>.</exception>
    public static byte[] Read(string path, string name)
    {
        byte[] file;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > Largest }) throw Damaged(path, name);
            file = File.ReadAllBytes(path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ProblemException("key_not_found", $"there is no symmetric key for {name}: the file {path} does not exist", "", 404);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("key_file", $"the symmetric key of {name} cannot be read from {path}",
                "give the file to the Key Service's user, mode 0600", 503, cause);
        }

        var text = new char[file.Length];
        try
        {
            var pem = text.AsSpan(0, Encoding.UTF8.GetChars(file, text));
            if (!PemEncoding.TryFind(pem, out var fields) || pem[fields.Label] is not Label) throw Damaged(path, name);
            var key = GC.AllocateUninitializedArray<byte>(fields.DecodedDataLength, pinned: true);
            return Convert.TryFromBase64Chars(pem[fields.Base64Data], key, out var length) && length == key.Length && length > 0
                ? key
                : throw Damaged(path, name);
        }
        catch (ArgumentException)
        {
            throw Damaged(path, name);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
            text.AsSpan().Clear();
        }
    }

    private static ProblemException Damaged(string path, string name) =>
        new("key_file", $"the symmetric key of {name} in {path} is damaged", "restore the file from a backup", 503);
}
