using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>A file as an absolute path, or as a <c>file://</c> URI of this machine (RFC 8089), as Azure IoT Identity Service has them.</summary>
internal static class FileUri
{
    private const string Scheme = "file://";
    private const string LocalHost = "localhost";

    public static Fault? Check(string value)
    {
        if (!IsUri(value)) return Forms.AbsolutePath(value);
        var path = ToPath(value);
        if (!path.StartsWith('/')) return new Fault("is a file of another machine", "write file:///path, with three slashes");
        // Decoded, it must still be a path.
        return Forms.Text(path);
    }

    /// <summary>The path alone, percent-encoding undone.</summary>
    public static string ToPath(string value)
    {
        if (!IsUri(value)) return value;
        var path = value[Scheme.Length..];
        if (path.StartsWith(LocalHost + "/", StringComparison.OrdinalIgnoreCase)) path = path[LocalHost.Length..];
        return Uri.UnescapeDataString(path);
    }

    private static bool IsUri(string value) => value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
}
