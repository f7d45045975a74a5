using System.Security.Cryptography;
using System.Text;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>A symmetric key in a PEM file: <c>BEGIN SYMMETRIC KEY</c>, the bare bytes, with the key id in front as explanatory text.</summary>
internal static class SecretFile
{
    private const string Label = "SYMMETRIC KEY";
    private const string Kind = "symmetric key";

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
        var file = PemFile.Read(path, Kind, name);
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

    private static ProblemException Damaged(string path, string name) => PemFile.Unusable(path, Kind, name, "it is damaged");
}
