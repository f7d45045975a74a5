namespace EstProv.LocalApi.Client;

/// <summary>An answer with a status below 400.</summary>
public sealed class LocalReply
{
    private readonly List<(string Name, string Value)> _headers;

    internal LocalReply(int status, List<(string Name, string Value)> headers, byte[] body)
    {
        Status = status;
        _headers = headers;
        Body = body;
    }

    public int Status { get; }

    public string? ContentType => Header("Content-Type");

    /// <summary>Empty when the answer has none.</summary>
    public byte[] Body { get; }

    /// <summary>A header's value; null when it is not there. Of several of one name, the first.</summary>
    public string? Header(string name)
    {
        foreach (var header in _headers)
        {
            if (string.Equals(header.Name, name, StringComparison.OrdinalIgnoreCase)) return header.Value;
        }

        return null;
    }
}
