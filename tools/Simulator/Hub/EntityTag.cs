namespace EstProv.Simulator.Hub;

/// <summary><c>If-Match</c> of the identity registry: <c>*</c> or one entity tag, quoted, weak or not (RFC 7232 sections 2.3 and 3.1).</summary>
internal readonly record struct EntityTag(string? Value)
{
    public bool IsAny => Value == "*";

    /// <summary>False = it is no If-Match.</summary>
    public static bool TryParse(string header, out EntityTag tag)
    {
        var text = header.StartsWith("W/", StringComparison.Ordinal) ? header[2..] : header;
        var isQuoted = text.Length >= 2 && text[0] == '"' && text[^1] == '"';
        tag = new EntityTag(isQuoted ? text[1..^1] : header);
        return isQuoted || header == "*";
    }

    /// <summary>Whether the condition holds of what there is; null = nothing, of which none holds.</summary>
    public bool Matches(string? current) => current is not null && (IsAny || Value == current);
}
