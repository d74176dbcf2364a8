namespace EdgeSdk.Text;

/// <summary>Decodes a stream of ids. The joined results equal <see cref="Tokenizer.Decode"/> of all ids, and no result ends within a character.</summary>
/// <remarks>For one stream and one thread at a time.</remarks>
public sealed class Detokenizer
{
    internal Detokenizer()
    {
    }

    /// <summary>Takes in <paramref name="id"/>; gives the text that is certain by now, possibly none.</summary>
    public string Append(int id) => throw new NotImplementedException();

    /// <summary>Ends the stream: gives what was held back. The detokenizer can then be used for another stream.</summary>
    public string Flush() => throw new NotImplementedException();
}
