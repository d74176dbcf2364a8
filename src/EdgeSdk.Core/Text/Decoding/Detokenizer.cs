using System.Buffers;
using System.Text.Unicode;

namespace EdgeSdk.Text;

/// <summary>Decodes a stream of ids. The joined results equal <see cref="Tokenizer.Decode"/> of all ids, and no result ends within a character.</summary>
/// <remarks>For one stream and one thread at a time.</remarks>
public sealed class Detokenizer
{
    private readonly TokenDecoder _decoder;
    private readonly bool _skipSpecialTokens;
    private readonly TextBudget _budget = new();
    private readonly TextSink _text;
    private readonly DecoderStage _stages;
    private bool _isFirst = true;

    internal Detokenizer(TokenDecoder decoder, bool skipSpecialTokens)
    {
        _decoder = decoder;
        _skipSpecialTokens = skipSpecialTokens;
        _text = new TextSink(_budget, decoder.Texts);
        _stages = decoder.Open(_text, _budget);
    }

    /// <summary>Takes in <paramref name="id"/>; gives the text that is certain by now, possibly none. An id outside the vocabulary gives nothing.</summary>
    /// <remarks>A short text that a stream of this tokenizer gave before is the same string: in steady state nothing is allocated for a token.</remarks>
    public string Append(int id) => TryAdd(id) ? _text.TakeWhole() : "";

    /// <summary>Ends the stream: gives what was held back. The detokenizer can then be used for another stream.</summary>
    public string Flush()
    {
        _stages.End();
        _isFirst = true;
        _budget.Reset();
        return _text.TakeAll();
    }

    /// <summary>The text of a whole stream.</summary>
    internal string Decode(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
            TryAdd(id);

        return Flush();
    }

    private bool TryAdd(int id)
    {
        if (!_decoder.Spelt.Has(id) || (_skipSpecialTokens && _decoder.Special[id]))
            return false;

        _budget.Add(_decoder.Written[id].Length);
        if (_isFirst && _decoder.MindsTheFirst)
        {
            var first = new TextBuffer(_budget);
            _decoder.SpellFirst(id, first);
            _stages.Add(first.Written);
        }
        else
        {
            _stages.Add(_decoder.Spelt[id]);
        }

        _isFirst = false;
        return true;
    }

    /// <summary>Where a stream's bytes end up.</summary>
    private sealed class TextSink(TextBudget budget, TextPool texts) : DecoderStage
    {
        private readonly TextBuffer _bytes = new(budget);
        private readonly Func<ReadOnlySpan<char>, string> _pooled = texts.Get;

        public override void Add(ReadOnlySpan<byte> token) => _bytes.Write(token);

        public override void End()
        {
        }

        /// <summary>The whole characters; what may be the start of another one stays.</summary>
        public string TakeWhole() => Take(isAll: false, _pooled);

        /// <summary>Everything.</summary>
        public string TakeAll() => Take(isAll: true, static characters => new string(characters));

        private string Take(bool isAll, Func<ReadOnlySpan<char>, string> toText)
        {
            if (_bytes.Count == 0)
                return "";

            char[] characters = ArrayPool<char>.Shared.Rent(_bytes.Count);
            Utf8.ToUtf16(_bytes.Written, characters, out int read, out int written, replaceInvalidSequences: true, isFinalBlock: isAll);
            string text = toText(characters.AsSpan(0, written));
            ArrayPool<char>.Shared.Return(characters);
            _bytes.TakeFirst(read);
            return text;
        }
    }
}
