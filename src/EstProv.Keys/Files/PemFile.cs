using System.Security.Cryptography;
using System.Text;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>PEM (RFC 7468) with a line of explanatory text in front.</summary>
internal static class PemFile
{
    private const int Largest = 64 * 1024;

    /// <param name="kind">Such as <c>private key</c>, for messages.</param>
    /// <param name="name">The key, for messages.</param>
    /// <returns>The file's content, to be zeroed by the caller.</returns>
    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_file</c>.</exception>
    public static byte[] Read(string path, string kind, string name)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > Largest }) throw Unusable(path, kind, name, "it is too long");
            return File.ReadAllBytes(path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ProblemException("key_not_found", $"there is no {kind} for {name}: the file {path} does not exist",
                "restore it from a backup, or delete the key and have a new one made", 404);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("key_file", $"the {kind} of {name} cannot be read from {path}",
                "give the file to the Key Service's user, mode 0600", 503, cause);
        }
    }

    /// <param name="why">Such as <c>it is too long</c>.</param>
    public static ProblemException Unusable(string path, string kind, string name, string why) => new(
        "key_file", $"the {kind} of {name} in {path} cannot be used: {why}", $"a PEM file with an unencrypted {kind} is wanted; restore it from a backup", 503);

    /// <returns>The file's content, to be zeroed by the caller.</returns>
    public static byte[] Encode(string preamble, string label, ReadOnlySpan<byte> content)
    {
        var head = Encoding.UTF8.GetBytes(preamble);
        var pem = new char[PemEncoding.GetEncodedSize(label.Length, content.Length)];
        PemEncoding.TryWrite(label, content, pem, out var length);
        var file = new byte[head.Length + 1 + length + 1];
        head.CopyTo(file, 0);
        file[head.Length] = (byte)'\n';
        Encoding.ASCII.GetBytes(pem.AsSpan(0, length), file.AsSpan(head.Length + 1));
        file[^1] = (byte)'\n';
        pem.AsSpan().Clear();
        return file;
    }
}
