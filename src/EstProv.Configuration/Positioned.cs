namespace EstProv.Configuration;

/// <summary>A value and where it stands, so that an error found later can still say <c>file:line:column</c>.</summary>
public readonly record struct Positioned<T>(T Value, Position Position);

/// <summary>A place in a configuration file; line and column count from 1.</summary>
public readonly record struct Position(string File, int Line, int Column)
{
    public override string ToString() => $"{File}:{Line}:{Column}";
}
